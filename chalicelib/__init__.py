"""What app.py needs, and all of it is shipped: configuration, access, fields, replies, audit."""

import os

# Chalice's command line imports the app before it packages it: the last moment to see
# that what it is about to ship is whole. On Lambda this costs one look-up.
if os.environ.get("AWS_CHALICE_CLI_MODE"):
    import sys

    from tools.deploy import shipping

    shipping.check(sys.argv)
