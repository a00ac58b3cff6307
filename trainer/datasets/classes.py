"""The names of classes as folders and tables have them: checked, and none spelled in two ways."""

import re
from collections.abc import Sequence

from trainer import names
from trainer.names import Rule, quoted


def checked(given: Sequence[str], rule: Rule) -> tuple[str, ...]:
    """Return the names in composed form, in the same order.

    Args:
        given: as the user has written them.
        rule: what each has to pass; only the rule for new names refuses two spellings.

    Raises:
        ValueError: if one breaks the rule, or two are one name; the message names them.
    """
    found = names.distinct(given, rule)
    if rule is names.class_name:
        first: dict[str, str] = {}
        for name in found:
            key = re.sub(r"[\W_]+", "", name).casefold()
            if len(key) > 1 and key in first:  # single letters are classes of their own: a and A
                raise ValueError(
                    f"{quoted(first[key])} and {quoted(name)} are two spellings of one class: rename one"
                )
            first[key] = name
    return found
