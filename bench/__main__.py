"""python -m bench [clv|telco|churn|silence|features|scale|import|audit|access|identity …]: the benches, all of them unless named."""

import importlib
import sys

BENCHES = ("clv", "telco", "churn", "silence", "features", "scale", "import", "audit", "access", "identity", "segments")
FILES = {"import": "imports"}  # a word of Python can't name a file of it

for name in sys.argv[1:] or BENCHES:
    print(f"\n## {name}\n", flush=True)
    importlib.import_module(f"bench.{FILES.get(name, name)}").main()
