"""Uses an MCP server with the SDK of the protocol, and prints what it got as JSON. Usage: mcp_client.py URL PASSWORD"""

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client


async def found(url: str, password: str) -> dict:
    headers = {"Authorization": f"Bearer {password}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(url, http_client=http)) as client:

            async def call(name: str, arguments: dict) -> dict:
                result = await client.call_tool(name, arguments)
                return {"texts": [block.text for block in result.content], "isError": bool(result.is_error)}

            return {
                "server": client.server_info.name,
                "tools": [tool.name for tool in (await client.list_tools()).tools],
                "query": await call("query", {"query": 'up{job="db"}', "time": "2023-11-14T22:13:20Z"}),
                "unknown": await call("query", {"query": "build_inf"}),
                "wrong": await call("query", {"query": "up", "start": "now-1h"}),
                "resource": (await client.read_resource("prometheus://metrics")).contents[0].text,
                "templates": [t.uri_template for t in (await client.list_resource_templates()).resource_templates],
                "prompt": len((await client.get_prompt("explore_metrics", {"topic": "updates"})).messages),
            }


print(json.dumps(asyncio.run(found(*sys.argv[1:]))))
