"""Errors the user can act on."""


class EngineError(Exception):
    """Something the user can fix; its message says how."""


class Stopped(EngineError):
    """The user asked for the work to stop; what was finished is kept."""
