"""Why the native module cannot be loaded, in words that say what to do."""

import sysconfig


def reason(error: ImportError) -> str:
    """Explain an ImportError of the native module."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return (
            "lambdatotp has no build for free-threaded Python: run it with the standard one "
            "(python3.14, not python3.14t)"
        )
    if "subinterpreter" in str(error):
        return (
            "lambdatotp cannot be imported in a subinterpreter: import it in the main one, or use "
            "processes (mod_wsgi: WSGIApplicationGroup %{GLOBAL})"
        )
    return (
        f"lambdatotp's native module cannot be loaded ({error}): install the package for this "
        "Python and this machine"
    )
