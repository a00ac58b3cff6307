"""What an exported model's score on the exam means, in plain words: for the terminal and the model card."""

from sweeps.export.about import ExamScore
from trainer.quantities import counted


def interval_in_words(score: ExamScore) -> str | None:
    """Return the score's interval and what it is for; None if an earlier version has exported the model."""
    if score.low is None or score.high is None:
        return None
    models = score.of_models or 1
    together = f", at the same time for the {models} models that could have been chosen" if models > 1 else ""
    units = (
        "" if score.groups is None else f" in new groups ({counted(score.groups, 'group')} count, not images)"
    )
    return (
        f"95 % interval {score.low:.4f} to {score.high:.4f}, for this model on new images like these"
        f"{units}{together}"
    )


def smaller_in_words(score: ExamScore | None, images: int) -> str | None:
    """Return what is known of a model that was trained on the exam too; None of any other model.

    Args:
        score: of the smaller training.
        images: number of images of the search.
    """
    if score is None:
        return None
    interval = "" if score.low is None else f" (95 % interval {score.low:.4f} to {score.high:.4f})"
    return (
        f"the refit on the {images} search images scored {score.title} {score.score:.4f}{interval} on the "
        "exam; this model also saw the exam, so no unseen image is left to score it"
    )


def refits_in_words(score: ExamScore) -> str | None:
    """Return what refits of the same trial with other seeds score; None if ``compare`` has not scored any."""
    found = score.refits
    if found is None:
        return None
    start = f"{found.count} refits of this trial, each with other seeds,"
    if found.low is None or found.high is None:
        return f"{start} score {found.mean:.4f}, all of them"
    return (
        f"{start} score {found.mean:.4f} on average (95 % interval {found.low:.4f} to {found.high:.4f} "
        "for other seeds, on these images)"
    )


def runner_up_in_words(score: ExamScore) -> str | None:
    """Return how this model compares with that of the best other winner; None if there is none."""
    found = score.runner_up
    if found is None:
        return None
    together = f", at the same time for {found.of_pairs} pairs of models" if found.of_pairs > 1 else ""
    test = (
        "no p, because images of one group are not independent"
        if found.p is None
        else f"p = {found.p:.2g}, McNemar's exact test for this pair alone"
    )
    return (
        f"{score.title} {found.difference:+.4f} "
        f"(95 % interval {found.low:+.4f} to {found.high:+.4f}{together}); only this model is right on "
        f"{counted(found.only_this_right, 'image')}, only the other on {found.only_other_right} ({test})"
    )
