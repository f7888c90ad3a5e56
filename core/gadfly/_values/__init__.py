"""The values that travel through the house: frozen, slotted, JSON-able, standard library only.

task        Task, Draft, Artifact, Message, Reply, Reference
critique    Verdict, Hardness, Span, Finding, Evidence, Critique
job         Job, Limits, JobResult, Ended, Isolation, Level
budget      Budget, Usage
event       Event and its kinds
outcome     Stopped, Outcome
codec       to and from plain JSON data, and digests
"""
