"""Rules for Dockerfile and compose.yaml that no engine is needed for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from dockerfile import Stage

from server.settings import PREFIX, Settings

INSTRUCTIONS = {"COPY", "RUN", "WORKDIR", "ENV", "VOLUME", "EXPOSE", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
SERVICE_KEYS = {
    *("image", "build", "environment", "secrets", "volumes", "ports", "depends_on", "healthcheck", "restart"),
    *("stop_grace_period", "shm_size", "init", "read_only", "tmpfs", "cap_drop", "security_opt"),
}


def faults_of_dockerfile(stages: list[Stage], checkout: Path) -> Iterator[str]:
    """One line for each rule that is broken."""
    for position, stage in enumerate(stages):
        yield from _faults_of_stage(stage, {earlier.name for earlier in stages[:position]})
    final = stages[-1]
    names = {instruction.name for instruction in final.instructions}
    if "RUN" in names:
        yield "the final stage runs something: what it needs is made before and copied"
    if missing := {"HEALTHCHECK", "ENTRYPOINT", "CMD", "USER"} - names:
        yield f"the final stage has no {', '.join(sorted(missing))}"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", final.last("USER").text):
        yield "USER is not a number other than root's"
    yield from _unknown_settings(final.environment())
    yield from _packages_left_out(stages, checkout)


def _faults_of_stage(stage: Stage, earlier: set[str]) -> Iterator[str]:
    if not re.fullmatch(r"[a-z]+:\d[\w.-]*", stage.base):
        yield f"{stage.base} has no version in its tag"
    for instruction in stage.instructions:
        where = f"line {instruction.line}: "
        if instruction.name not in INSTRUCTIONS:
            yield f"{where}{instruction.name} is not among the instructions used here"
        if instruction.name == "COPY" and instruction.flags.get("from", "") not in earlier | {""}:
            yield f"{where}no earlier stage is called {instruction.flags['from']}"
        if instruction.name in ("ENTRYPOINT", "CMD", "HEALTHCHECK") and not _is_exec_form(instruction.text):
            yield f"{where}{instruction.name} starts a shell"
        for command in re.findall(r"pip .*?install [^&]*", instruction.text):
            if "--require-hashes" not in command and "--no-index" not in command:
                yield f"{where}pip installs without hashes"
        if re.search(r"npm .*\binstall\b", instruction.text):
            yield f"{where}npm install does not keep to the lock: npm ci does"


def _is_exec_form(text: str) -> bool:
    return text.removeprefix("CMD ").startswith("[")


def _packages_left_out(stages: list[Stage], checkout: Path) -> Iterator[str]:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {source for stage in stages for entry in stage.instructions for source in entry.text.split()[:-1]}
    if left_out := packages - copied:
        yield f"the Dockerfile does not copy {', '.join(sorted(left_out))}"


def _unknown_settings(environment: dict[str, str]) -> Iterator[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            yield f"{name} is not a setting of Kurz"


def faults_of_compose(file: Path) -> Iterator[str]:
    """One line for each rule that is broken."""
    compose: dict[str, Any] = yaml.safe_load(file.read_text())
    if unknown := set(compose) - {"name", "services", "volumes", "secrets"}:
        yield f"unknown parts: {unknown}"
    services: dict[str, dict[str, Any]] = compose["services"]
    for name, service in services.items():
        for fault in (*_faults_of_service(service, services), *_unknown_settings(service.get("environment", {}))):
            yield f"{name}: {fault}"
    volumes = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    secrets = {secret for service in services.values() for secret in service.get("secrets", [])}
    if volumes != set(compose["volumes"]) or secrets != set(compose["secrets"]):
        yield "volumes or secrets that are declared and those that are used differ"


def _faults_of_service(service: dict[str, Any], services: dict[str, dict[str, Any]]) -> Iterator[str]:
    if unknown := set(service) - SERVICE_KEYS:
        yield f"unknown keys: {unknown}"
    if not re.fullmatch(r"[a-z]+:[\w.-]+", service["image"]) or service["image"].endswith(":latest"):
        yield "the image has no version"
    for other, wish in service.get("depends_on", {}).items():
        if wish.get("condition") != "service_healthy" or "healthcheck" not in services[other]:
            yield f"does not wait until {other} is healthy"
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield f"{port} is open to every network"
    for name, value in service.get("environment", {}).items():
        secret = re.fullmatch(r"/run/secrets/(\w+)", str(value))
        if name.endswith("_FILE") and (secret is None or secret[1] not in service.get("secrets", [])):
            yield f"{name} names a secret that the service is not given"
        if "PASSWORD" in name and not name.endswith("_FILE"):
            yield f"{name} stands in the file"


def faults_of_workflow(file: Path, checkout: Path) -> Iterator[str]:
    """One line for each command that starts something which is not in the checkout."""
    targets = set(re.findall(r"^([\w$()./-]+):", (checkout / "Makefile").read_text(), re.MULTILINE)) | {".venv/.dev"}
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(file.read_text())["jobs"]
    for job, command in ((job, step["run"]) for job, parts in jobs.items() for step in parts["steps"] if "run" in step):
        program, *words = command.split()
        if program == "make" and (unknown := {word for word in words if "=" not in word} - targets):
            yield f"{job}: the Makefile has no {', '.join(sorted(unknown))}"
        if program.startswith(".ci/") and not (checkout / program).is_file():
            yield f"{job}: there is no {program}"
