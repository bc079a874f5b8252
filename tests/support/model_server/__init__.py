"""A model server that answers from a script, over real HTTP, in three dialects.

OpenAI's chat completions (which vLLM, llama.cpp, LM Studio and the HF Router speak too),
Anthropic's messages and Ollama's chat. It refuses what the real ones refuse: calls and answers
that are not paired come back as the provider's own 400. It can be down, slow, silent, broken or
wrong in every way of `Fault`. In a test:

    with ModelServer([Reply(text="hello")]) as server:
        ...  # ask at server.openai_url, then look at server.requests

By hand, or in a process of its own: `python -m tests.support.model_server --script FILE --port N`.
"""

from tests.support.model_server.script import Call, Fault, Reply, Script, script_from_json
from tests.support.model_server.server import ModelServer, Seen

__all__ = ["Call", "Fault", "ModelServer", "Reply", "Script", "Seen", "script_from_json"]
