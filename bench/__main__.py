"""python -m bench [clv|telco|scale|audit|access|identity …]: the benches, all of them unless named."""

import importlib
import sys

BENCHES = ("clv", "telco", "scale", "audit", "access", "identity")

for name in sys.argv[1:] or BENCHES:
    print(f"\n## {name}\n", flush=True)
    importlib.import_module(f"bench.{name}").main()
