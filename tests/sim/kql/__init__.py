"""KQL: lexer, parser and evaluator for the part of the language that the simulator answers."""

from .errors import KqlError, SemanticError, SyntaxErr, Unsupported  # noqa: F401
from .evaluator import run  # noqa: F401
