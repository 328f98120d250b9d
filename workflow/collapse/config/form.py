"""What an example is: an input and an output, each of a medium."""

from typing import Literal

from collapse.config.base import Settings

MediumName = Literal["text", "image", "label"]
"""A kind of values; `collapse.media` has a module for each."""


UNITS: dict[MediumName, str] = {"text": "token", "image": "image", "label": "label"}
"""What the size of a value counts, by medium: a text has many tokens, an image is one image."""


class Form(Settings):
    """What real examples hold: what a model is given, and what it answers."""

    input: MediumName | None
    """null: nothing is given. The beginning of a real text is no input of an example, but a part of its output."""
    output: MediumName

    @property
    def unit(self) -> str:
        """What the size of an example counts: units of its output."""
        return UNITS[self.output]

    @property
    def title(self) -> str:
        """In one word: `text`, `image>label`."""
        return f"{self.input}>{self.output}" if self.input else self.output

    @classmethod
    def named(cls, title: str) -> "Form":
        """The form of a title."""
        before, _, after = title.rpartition(">")
        return cls.model_validate({"input": before or None, "output": after})


TEXT = Form(input=None, output="text")
