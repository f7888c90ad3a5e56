"""The three tasks of the CRITIC paper (Gou et al. 2023) as recipes; `05_critic_paper.py` runs them.

loop        one problem in one arm: the same first draft, at most so many model calls
metrics     what the paper measures, with intervals; standard library
tables      how it is printed
program     word problems answered by Python programs
questions   questions answered with a search at hand
toxicity    texts gone on with, and made less toxic
perplexity  how fluent a text is to a model that scores
data        a few questions, passages and beginnings of our own, so that it runs anywhere
"""
