"""What can be wrong with a query. `code` is the innermost code of the service's error answer."""


class KqlError(Exception):
    kind = "SemanticError"
    code = "SEM0100"

    def __init__(self, message, code=None):
        super().__init__(message)
        if code:
            self.code = code


class SyntaxErr(KqlError):
    """The text does not parse. The service's SYN numbers are not documented; one stands for all."""
    kind = "SyntaxError"
    code = "SYN0002"


class SemanticError(KqlError):
    """An unknown name, a wrong type, a wrong number of arguments."""


class Unsupported(KqlError):
    """Perhaps good KQL, but not in this evaluator: answered with 400 and said on stderr, so that no
    test passes on a wrong answer."""
    code = "SIM0001"
