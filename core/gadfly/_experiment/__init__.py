"""Measured comparisons: the same problems, the same number of model calls, one arm per idea.

arms        what is compared: draft only, self-critique, resampling, tool critics
scoring     judges finished drafts with the gold answers, which no arm can reach
statistics  intervals and the flip matrix
"""
