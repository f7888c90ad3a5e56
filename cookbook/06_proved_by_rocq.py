"""A proof that is wrong, what Rocq says of it, and the repaired proof that it accepts.

The actor is scripted: its first draft names a lemma that is not there. The finding says where, and
which names are like it, and what was to be shown there: that is what a model needs to mend it. The
pass is of level L3: the statement is the task's, no axiom is used, and `coqchk` checked it again.

It needs Rocq (`apt-get install coq`).
"""

from gadfly import Agent, Feedback, Outcome, Task
from gadfly.testing import ScriptedActor
from gadfly_rocq import ProofCritic

TASK = Task(
    prompt="Prove in Rocq that a tree and its mirror image have the same size.",
    inputs={
        "header": (
            "Inductive tree := leaf | node (left : tree) (value : nat) (right : tree).\n"
            "Fixpoint mirror (t : tree) : tree := match t with\n"
            "  leaf => leaf | node l v r => node (mirror r) v (mirror l) end.\n"
            "Fixpoint size (t : tree) : nat := match t with\n"
            "  leaf => 0 | node l _ r => S (size l + size r) end.\n"
            "Lemma plus_swap : forall a b : nat, a + b = b + a.\n"
            "Proof. induction a; intros; simpl; [apply plus_n_O |\n"
            "  rewrite IHa; apply plus_n_Sm]. Qed.\n"
        ),
        "statement": "Theorem mirror_size : forall t, size (mirror t) = size t. Admitted.",
    },
)
PROOF = """\
```coq
Theorem mirror_size : forall t, size (mirror t) = size t.
Proof.
  induction t; simpl.
  - reflexivity.
  - rewrite IHt1, IHt2. rewrite {lemma}. reflexivity.
Qed.
```
"""
DRAFTS = (PROOF.format(lemma="plus_swapp"), PROOF.format(lemma="plus_swap"))


def prove() -> tuple[Outcome, list[Feedback]]:
    """Run the loop over the drafts; what the actor was told comes back, too."""
    actor = ScriptedActor(*DRAFTS)
    agent = Agent(actor=actor, critics=[ProofCritic()], checkpoints=None, traces=None)
    return agent.invoke(TASK), actor.feedback


def main() -> None:
    """Print what was wrong, and what was established in the end."""
    outcome, told = prove()
    for feedback in told:
        print("\n".join(feedback.findings))
    print(f"-> {outcome.stopped}, draft {outcome.draft.number}: {outcome.reason}")
    for name, critique in outcome.critiques.items():
        print(f"   {name}: {critique.verdict}: {critique.summary}")


if __name__ == "__main__":
    main()
