"""A FastAPI route that reads a body and answers a constant: what any answer over HTTP costs on this machine, beside what is measured.

python tests/benchmarks/constant_route.py PORT
"""

import sys

import uvicorn
from fastapi import FastAPI, Request, Response

ANSWER = b'{"event_id":"1","revision":0,"score":0.5,"action":"approve","reasons":[],"flags":[],"release":1,"elapsed_ms":1.0}'
app = FastAPI()


@app.get("/health")
async def health() -> Response:
    return Response(ANSWER)


@app.post("/v1/decisions")
async def decisions(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
