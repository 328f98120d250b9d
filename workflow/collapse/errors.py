"""What can go wrong, one class per reader of the message.

Every message says where, what, and what to do. `python -m collapse` prints it without a traceback.
"""


class CollapseError(Exception):
    """Anything this package refuses on purpose."""


class ConfigError(CollapseError):
    """A setting must change: the reader is whoever wrote the YAML."""


class ContractError(CollapseError):
    """An artifact is not what it says it is: the reader is whoever made or moved the file."""


class EngineError(CollapseError):
    """This machine cannot do what was asked: the reader is whoever chose the hardware or environment."""
