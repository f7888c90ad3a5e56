"""The engine: critics run with deadlines, verdicts become decisions, LangGraph routes them.

specs        names to critics, prerequisites included
waves        which critics run next: prerequisites, then cost
flight       identical work in flight is done once
frames       length-prefixed JSON between us and a critic's process
worker       the critic's process: runs one critique at a time, asks us for what it may touch
workers      the pool of those processes; a deadline is a kill
checker      runs one critic, or all, on a draft: never raises for a critic's fault
adjudicate   critiques to a decision, and which draft is best
state, graph the state machine; LangGraph lives only here
checkpoints  where runs are kept
"""
