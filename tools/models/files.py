"""The files of models/: JSON with one shape or operation a line, so that a refresh shows as a readable diff."""
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


def line(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def section(entries):
    rows = [f"{line(name)}: {line(value)}" for name, value in entries.items()]
    return "{\n" + ",\n".join(rows) + "\n}"


def write_model(name, facts):
    parts = [f"{line(key)}: {section(value)}" for key, value in facts.items()]
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    (MODELS / f"{name}.json").write_text(text, encoding="utf-8")


def read_model(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))
