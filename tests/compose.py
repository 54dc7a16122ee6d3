"""docker-compose.yml is YAML with the services that the README promises, and names files that exist."""

import json
import os
import sys

import yaml

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(os.path.join(root, "docker-compose.yml")) as file:
    compose = yaml.safe_load(file)

services = compose["services"]
assert {"postgres", "server", "partner"} <= set(services), sorted(services)
for name, service in services.items():
    assert "image" in service or "build" in service, name
    for other in service.get("depends_on", {}):
        assert other in services, f"{name} depends on {other}, which is not there"
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in compose["volumes"], f"{name}: {volume}"
for name in ("server", "partner"):
    environment = services[name]["environment"]
    assert environment["ISTHMUS_DATABASE"].startswith("postgresql://"), name
    assert environment["ISTHMUS_LISTEN_UNAUTHENTICATED"].endswith(":8080"), name
assert services["server"]["environment"]["ISTHMUS_DATABASE"] != \
    services["partner"]["environment"]["ISTHMUS_DATABASE"], "they must not share a database"

# The workers share the databases of their servers, and their documents say what the compose file does.
addresses = {}
for name in ("server", "partner"):
    environment = services[name]["environment"]
    worker = services[name + "-sync"]["environment"]
    for key in ("ISTHMUS_DATABASE", "ISTHMUS_BASE_URL"):
        assert worker[key] == environment[key], f"{name}-sync: {key}"
    addresses[name] = environment["ISTHMUS_BASE_URL"]
subnet = compose["networks"]["default"]["ipam"]["config"][0]["subnet"]
for name, other in (("server", "partner"), ("partner", "server")):
    script = services[name + "-sync"]["command"][0]
    document = json.loads(script.split("<<'END'\n")[1].split("END\n")[0])
    assert document["base"] == f"http://{other}:8080/fhir", document["base"]
    assert document["aliases"] == [addresses[other]], document["aliases"]
    assert document["networks"] == [subnet], document["networks"]
    assert script.rstrip().endswith("exec isthmus sync"), script

build = services["server"]["build"]
with open(os.path.join(root, build["dockerfile"])) as file:
    steps = file.read()
for step in ("cmake/packages.sh build", "cmake --preset release", "cmake --build --preset release"):
    assert step in steps, f"{build['dockerfile']} does not follow README: {step}"
sys.exit(0)
