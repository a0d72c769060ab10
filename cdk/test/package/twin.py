"""The Python version of the stack in languages.test.ts. Usage: twin.py <architecture> <output folder>"""

import sys

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_bedrockagentcore as agentcore
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from cdk_serverless_prometheus_push_gateway import (
    IotRuleVia,
    NameEscaping,
    PrometheusPushGateway,
    PrometheusQueryFunctions,
    PrometheusTelemetryExtension,
    PrometheusWorkspace,
    QueryOperation,
    TelemetryDestination,
    TelemetryInstanceLabel,
)

name, outdir = sys.argv[1:]
architecture = lambda_.Architecture.ARM_64 if name == "arm64" else lambda_.Architecture.X86_64

app = App(outdir=outdir)
stack = Stack(app, "Twin")
workspace = PrometheusWorkspace(stack, "Workspace", alias="twin", retention=Duration.days(30))
gateway = PrometheusPushGateway(
    stack,
    "Metrics",
    workspace=workspace,
    architecture=architecture,
    batch_size=100,
    external_labels={"env": "prod"},
    name_escaping=NameEscaping.REJECT,
)
gateway.add_iot_rule("Rule", sql="SELECT * FROM 'events'", via=IotRuleVia.FUNCTION)
gateway.add_alarms(sns.Topic(stack, "Topic"))
gateway.add_dashboard()
queries = PrometheusQueryFunctions(
    stack,
    "Queries",
    workspace=workspace,
    architecture=architecture,
    operations=[QueryOperation.RANGE_QUERY, QueryOperation.FIND_WORKSPACE],
)
queries.add_to_agent_core_gateway(
    agentcore.Gateway(stack, "Agents", authorizer_configuration=agentcore.GatewayAuthorizer.using_aws_iam()),
    target_name_prefix="twin",
)
telemetry = PrometheusTelemetryExtension(
    stack,
    "Telemetry",
    destination=TelemetryDestination.workspace(workspace),
    max_age=Duration.minutes(2),
    external_labels={"env": "prod"},
    instance_label=TelemetryInstanceLabel.FULL,
)
telemetry.add_to(gateway.function)
app.synth()
