"""A package, so that its servers and its browser end with its last test.

Playwright's event loop runs in the main thread as long as the browser does: `asyncio.run` in
any test that follows would fail.
"""
