#!/usr/bin/env python3
"""
Stands in for `vllm`, which needs a GPU: takes the flags of `vllm serve` (0.33, docs.vllm.ai/en/latest/cli/serve) that secpi
gives it and refuses all others; demands VLLM_API_KEY below /v1 as vLLM does; answers each question with what it was asked.

What a test wants of it stands in a file `behaviour.json` beside it, read at each start:
`die`: what it prints before it exits with 3. `never_ready`: it listens, and /health is 503. `slow`: seconds per answer.
`stubborn`: SIGTERM does nothing. It appends its argv and pid to `starts.jsonl` there, and starts a child that would outlive it.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOME = Path(__file__).resolve().parent
VERSION = "0.33.0"

parser = argparse.ArgumentParser(prog="vllm serve", allow_abbrev=False)
parser.add_argument("command", choices=["serve"])
parser.add_argument("model_tag")
parser.add_argument("--host", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--served-model-name", nargs="+")
parser.add_argument("--load-format", choices=["auto", "safetensors"])
parser.add_argument("--revision")
parser.add_argument("--tokenizer-revision")
parser.add_argument("--dtype", choices=["auto", "half", "float16", "bfloat16", "float", "float32"])
parser.add_argument("--generation-config")
parser.add_argument("--max-model-len", type=int)
parser.add_argument("--tensor-parallel-size", "-tp", type=int)
parser.add_argument("--enable-lora", action="store_true")
parser.add_argument("--max-lora-rank", type=int, choices=[1, 8, 16, 32, 64, 128, 256, 320, 512])
parser.add_argument("--lora-modules", nargs="+", default=[])
parser.add_argument("--disable-uvicorn-access-log", action="store_true")
parser.add_argument("--gpu-memory-utilization", type=float)
parser.add_argument("--max-num-seqs", type=int)
parser.add_argument("--reasoning-parser")
parser.add_argument("--seed", type=int)
given = parser.parse_args()

behaviour_file = HOME / "behaviour.json"
behaviour = json.loads(behaviour_file.read_text()) if behaviour_file.exists() else {}
child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
with (HOME / "starts.jsonl").open("a") as starts:
    line = {"argv": sys.argv[1:], "pid": os.getpid(), "child": child.pid, "port": given.port}
    starts.write(json.dumps(line) + "\n")
print("loading weights", flush=True)
if "die" in behaviour:
    print(behaviour["die"], file=sys.stderr, flush=True)
    sys.exit(3)
if behaviour.get("stubborn"):
    signal.signal(signal.SIGTERM, lambda *_: None)
if "/" in given.model_tag and given.model_tag.startswith("/"):
    (Path(given.model_tag) / "config.json").read_text()
modules = dict(module.split("=") for module in given.lora_modules)
for path in modules.values():
    (Path(path) / "adapter_config.json").read_text()
names = {*given.served_model_name, *modules}
KEY = os.environ.get("VLLM_API_KEY")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            self.say(503 if behaviour.get("never_ready") else 200, {})
        elif self.path == "/version":
            self.say(200, {"version": VERSION})
        else:
            self.say(404, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if KEY and self.headers.get("Authorization") != f"Bearer {KEY}":
            self.say(401, {"error": "Unauthorized"})
            return
        if body["model"] not in names:
            self.say(404, {"error": {"message": f"no model {body['model']}"}})
            return
        time.sleep(behaviour.get("slow", 0))
        with (HOME / "asked.jsonl").open("a") as asked:
            asked.write(json.dumps({"model": body["model"], "pid": os.getpid()}) + "\n")
        text = f"{body['model']} says {body['messages'][-1]['content']}"
        if body.get("stream"):
            self.stream(text)
            return
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        self.say(200, {"id": "1", "object": "chat.completion", "created": 0, "model": "x", "choices": [choice], "usage": usage})

    def stream(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta, reason in (({"role": "assistant", "content": text}, None), ({}, "stop")):
            chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer((given.host, given.port), Handler).serve_forever()
