"""The whole story of one model: its environment is defined and applied, a run trains it, and its service answers."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.condachannel import Channel
from support.condapkg import Archive, Package
from support.condapython import SUBDIR
from support.imaging import Imaging
from support.served import served
from support.services import require

_TRAIN = """\
import json, os, pathlib, sys
import joblib, sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

x, y = load_iris(return_X_y=True)
kept = train_test_split(x, y, random_state=int(os.environ["SEED"]))
model = LogisticRegression(C=float(sys.argv[1]), max_iter=500).fit(kept[0], kept[2])
score = model.score(kept[1], kept[3])
pathlib.Path("outputs").mkdir(exist_ok=True)
joblib.dump(model, "outputs/model.joblib")
pathlib.Path("outputs/metrics.json").write_text(json.dumps({"accuracy": score}))
print(f"accuracy {score:.2f}, scikit-learn {sklearn.__version__}")
"""

_SCORE = """\
import glob, json, os
import joblib, sklearn

def init():
    global model
    (path,) = glob.glob(os.environ["AZUREML_MODEL_DIR"] + "/*.joblib")
    model = joblib.load(path)

def run(data):
    return {"classes": model.predict(json.loads(data)["data"]).tolist(), "by": sklearn.__version__}
"""
_FLOWERS = {"data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}


class Story:
    """One project; what runs does so in the prefix, or in a container of the image."""

    def __init__(self, imaging: Imaging, channel: Channel, target: str) -> None:
        self._imaging, self.project = imaging, imaging.project
        self._channel = channel
        self._builder = {"prefix": "local", "image": "oci"}[target]
        self.inside = ["--image"] if target == "image" else []
        self.project.environ = {name: one for name, one in self.project.environ.items() if name != "UV_DEFAULT_INDEX"}
        self.project.write("src/train.py", _TRAIN)
        self.project.write("src/score.py", _SCORE)

    def define(self, more: str = "") -> None:
        """And apply."""
        self._imaging.write(
            "iris",
            "debian",
            f"""
            builder: {self._builder}
            channels: ["{self._channel.url}"]
            python: {{from: conda}}
            dependencies: [python, {{pip: [scikit-learn{more}]}}]
            run: {{env: {{SEED: "7"}}}}
            serve: {{entry_script: ../src/score.py, models: {{iris: iris@1}}}}
            image:
              expose: [8080]
            """,
        )
        self._imaging.apply()

    def train(self, *words: str) -> str:
        """What the run says."""
        return self.project.run("run", *words, *self.inside, "--", "0.5").out.replace("\r\n", "\n")

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.project.json("runs")["runs"]
        return found


@pytest.mark.parametrize("target", ["prefix", "image"])
def test_from_a_manifest_to_a_service(imaging: Imaging, conda_python: Archive, tmp_path: Path, target: str) -> None:
    """Define, apply, run, record, change the manifest, recover the environment of then, serve its model, query it."""
    require("pypi")
    story = Story(imaging, Channel(tmp_path / "channel", conda_python, Package(name="pip", subdir=SUBDIR)), target)
    project = story.project
    story.define(" <1.8")
    told = story.train("iris", "--script", "train.py", "--source", "src")
    (run,) = story.runs()
    assert (run["status"], run["environment"], run["version"]) == ("done", "iris", 1)
    assert [one["path"] for one in run["outputs"]] == ["outputs/metrics.json", "outputs/model.joblib"]
    project.run("runs", "outputs", "1", "-o", str(tmp_path / "of-run-1"))
    accuracy = json.loads((tmp_path / "of-run-1/outputs/metrics.json").read_text())["accuracy"]
    version = told.split()[-1]
    assert told == f"accuracy {accuracy:.2f}, scikit-learn {version}\n"
    assert version.startswith("1.7.")

    story.define(" >=1.8")
    assert "scikit-learn 1.7." not in story.train("iris", "--script", "train.py", "--source", "src")
    assert [one["version"] for one in story.runs()] == [2, 1]
    compared = project.json("runs", "compare", "1", "2")
    assert "scikit-learn" in json.dumps(compared)

    project.run("runs", "env", "1", "-o", str(tmp_path / "again"))
    again = project.run("-C", str(tmp_path / "again"), "plan", "--json")
    (step,) = json.loads(again.out)["steps"]
    assert (step["environment"], step["fingerprint"]) == ("iris", run["fingerprint"])
    assert project.run("runs", "rerun", "1").out.replace("\r\n", "\n") == told

    project.run("models", "add", "iris", "outputs/model.joblib", "--run", "1")
    assert project.json("models", "show", "iris")["models"][0]["origin"]["fingerprint"] == run["fingerprint"]
    with served(project, "iris@1", "--port", "0", *story.inside) as service:
        service.wait_ready()
        told_of = {"classes": [0, 2], "by": version}
        with ThreadPoolExecutor(4) as clients:
            answers = list(clients.map(lambda _: service.ask("/score", _FLOWERS), range(100)))
        assert answers == [(200, told_of)] * 100
        assert service.stop() == 0
