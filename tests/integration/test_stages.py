"""The stages that samconfig.toml and the example of a pipeline deploy, and their tags."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.support.contract import ROOT
from tests.support.deployed_template import Deployment

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
STAGES = ("staging", "production")
PIPELINE = yaml.safe_load((ROOT / "examples" / "github-actions.yaml").read_text())
DEPLOYMENT_PAGE = (ROOT / "docs" / "deploy.md").read_text()


def settings(stage: str) -> dict[str, Any]:
    """What ``sam deploy`` reads of the stage."""
    found: dict[str, Any] = CONFIG[stage]["deploy"]["parameters"]
    return found


def parameters(stage: str) -> dict[str, str]:
    """The stage's parameters."""
    pairs = (pair.split("=", 1) for pair in settings(stage)["parameter_overrides"].split())
    return dict(pairs)


def deployed(stage: str) -> Deployment:
    """The stage's stack. A parameter that the template does not have is an error."""
    return Deployment(parameters(stage), stack=settings(stage)["stack_name"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_values_that_the_template_allows(stage: str) -> None:
    definitions = deployed(stage).parameter_definitions
    for name, value in parameters(stage).items():
        allowed = definitions[name].get("AllowedValues", [value])
        assert value in map(str, allowed), name


def test_the_stages_are_different_stacks() -> None:
    names = {settings(stage)["stack_name"] for stage in STAGES}
    assert len(names) == len(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_deployed_without_a_question(stage: str) -> None:
    own = settings(stage)
    assert (own["confirm_changeset"], own["fail_on_empty_changeset"]) == (False, False)
    assert own["capabilities"] == CONFIG["default"]["deploy"]["parameters"]["capabilities"]


def test_a_release_moves_into_production_gradually() -> None:
    assert deployed("production").of_type("AWS::CodeDeploy::DeploymentGroup")
    assert not deployed("staging").of_type("AWS::CodeDeploy::DeploymentGroup")


def test_production_reserves_concurrency_within_the_usual_quota() -> None:
    """Of 1,000 executions, Lambda leaves 100 to functions that reserve none."""
    reserved = [
        int(properties["ReservedConcurrentExecutions"])
        for properties in deployed("production").of_type("AWS::Lambda::Function").values()
        if "ReservedConcurrentExecutions" in properties
    ]
    assert len(reserved) == 2
    assert sum(reserved) <= 900


@pytest.mark.parametrize("stage", STAGES)
def test_the_pipeline_deploys_the_stage(stage: str) -> None:
    job = PIPELINE["jobs"][stage]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[:2] == ["sam build", f"sam deploy --config-env {stage}"]
    assert job["environment"] == stage


def test_the_pipeline_goes_to_production_by_staging_and_the_tests() -> None:
    jobs = PIPELINE["jobs"]
    assert (jobs["production"]["needs"], jobs["staging"]["needs"]) == ("staging", "check")


def test_only_a_job_that_deploys_may_have_a_token_for_aws() -> None:
    holders = {
        name for name, job in PIPELINE["jobs"].items() if "id-token" in job.get("permissions", {})
    }
    assert holders == set(STAGES)
    assert "id-token" not in PIPELINE["permissions"]


def test_the_page_names_each_type_that_can_have_no_tags() -> None:
    """By the definitions of the types that CloudFormation publishes."""
    resources = deployed("production").resources.values()
    untagged = {each["Type"] for each in resources if not is_taggable(each["Type"])}
    assert untagged
    assert untagged == set(re.findall(r"AWS::\w+::\w+", tags_section()))


def is_taggable(kind: str) -> bool:
    """Whether CloudFormation can give a resource of this type tags."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return bool(schema["tagging"]["taggable"])


def tags_section() -> str:
    """The page's section about tags."""
    return DEPLOYMENT_PAGE.partition("\n## Tags\n")[2].partition("\n## ")[0]
