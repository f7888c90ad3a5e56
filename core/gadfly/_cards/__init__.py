"""Report cards: what a critic gets right and wrong on drafts whose truth is known.

fields      which fields of a row are what
data        a file of labelled drafts, parted into what a critic may see and what only scorers may
probes      second looks: the same draft again, with injected text, or mutated
injections  text that talks to the judge
source      whether a draft is a program, or holds one
mutants     small changes that make a right draft wrong, mostly
checks      runs a critic on rows, resumable, and reads what it said
scoring     the only place where verdicts and labels meet
rates       shares with intervals clustered by problem
card        the whole card
measuring   from a critic and a data set to a card
shelf       where cards are kept, and whether one is worse than another
"""
