"""What the conformance tests share: the server under test, and how stock clients are set up for it."""
