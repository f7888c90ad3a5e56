"""The grammar behind `gadfly_embedded.word_problems`: words, steps, compositions, telling."""
