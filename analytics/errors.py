"""Bad input, said in one plain sentence."""

from __future__ import annotations


class BadInput(ValueError):
    """Something given by the user cannot be used; `str()` is one English sentence that says what to do.

    `code` and `values` let a page say the same in the reader's language (catalogue key `error.<code>`).
    """

    def __init__(self, code: str, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))
        self.code = code
        self.values = values
