"""For every adapter of ingest/: files in the real shape of their format, written for these tests, and the rows that they must give.

The shapes were copied by hand from files and sources of the projects named (field names and nesting; all values are invented). An expected row
has the columns that the format says; see `EXPECTED_COLUMNS`.
"""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

EXPECTED_COLUMNS = ("model", "target", "language", "metric", "value")


@dataclass(frozen=True)
class Case:
    """Files by path, where to begin reading, what is said with --set, and what must come out.

    Attributes:
        files: Content by path below a folder; text, or bytes.
        expected: Rows of EXPECTED_COLUMNS.
        more: Columns that every row has, or (column, the set of its values).
        start: What is given to ingest, below the folder.
        settings: --set.
        examples: How many examples are stored in all.
        refused: A part of each refusal, in order.
    """

    files: dict[str, str | bytes]
    expected: list[tuple[Any, ...]]
    more: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    references: str | None = None
    template: str | None = None
    examples: int = 0
    refused: tuple[str, ...] = ()

    def write(self, folder: Path) -> Path:
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return folder / self.start


def j(value: Any) -> str:
    return json.dumps(value)


def _mteb_new() -> str:
    def subset(name: str, languages: list[str], main: float, **scores: float) -> dict[str, Any]:
        return {**scores, "main_score": main, "hf_subset": name, "languages": languages}

    return j(
        {
            "dataset_revision": "69e8f12d", "task_name": "Tatoeba", "mteb_version": "1.36.32", "evaluation_time": 107.3,
            "scores": {"test": [
                subset("est-eng", ["est-Latn", "eng-Latn"], 0.60, f1=0.60, accuracy=0.66),
                subset("cmn-eng", ["cmn-Hans", "eng-Latn"], 0.90, f1=0.90, accuracy=0.91),
                subset("kzj-eng", ["kzj-Latn", "eng-Latn"], 0.10, f1=0.10, accuracy=0.11),
                subset("dtp-eng", ["dtp-Latn", "eng-Latn"], 0.20, f1=0.20, accuracy=0.21),
            ]},
        }
    )  # fmt: skip


def eval_log(limit: int | None = None, status: str = "success", completed: int = 4) -> dict[str, Any]:
    return {
        "version": 2, "status": status,
        "eval": {
            "task": "inspect_evals/xcopa_et", "task_version": 1, "task_args": {}, "model": "org/m",
            "dataset": {"name": "xcopa", "samples": 4}, "config": {"limit": limit, "epochs": 1}, "packages": {"inspect_ai": "0.3.138"},
        },
        "results": {"total_samples": 4, "completed_samples": completed, "scores": [
            {"name": "choice", "scorer": "choice", "metrics": {"accuracy": {"name": "accuracy", "value": 0.75}, "stderr": {"value": 0.25}}},
        ]},
        "samples": [{"id": i, "epoch": 1, "scores": {"choice": {"value": v}}} for i, v in enumerate("CCIC")],
    }  # fmt: skip


def zipped(members: dict[str, Any], zstd: bool = False) -> bytes:
    """A .eval; since inspect_ai 0.3.206 its members are zstd, of one frame or more (src/inspect_ai/_util/zipfile.py)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if zstd else zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            text = json.dumps(content).encode()
            if not zstd:
                archive.writestr(name, text)
                continue
            archive.writestr(name, b"".join(pa.compress(part, "zstd", asbytes=True) for part in (text[:9], text[9:])))
            info = archive.getinfo(name)  # as its directory has it, which is written at the end
            info.compress_type, info.file_size, info.CRC = 93, len(text), zlib.crc32(text)
    return buffer.getvalue()


def eval_members(**about: Any) -> dict[str, Any]:
    log = eval_log()
    header = {key: value for key, value in log.items() if key != "samples"} | {"eval": log["eval"] | about}
    return {"header.json": header, "summaries.json": log["samples"], "_journal/start.json": {}}


def helm_stat(name: str, value: float, split: str = "test", **more: Any) -> dict[str, Any]:
    return {"name": {"name": name, "split": split, **more}, "count": 1, "sum": value, "mean": value}


def _eee(name: str, score: float, low: float, high: float, **more: Any) -> dict[str, Any]:
    return {
        "evaluation_name": name,
        "source_data": {"dataset_name": name, "source_type": "hf_dataset", "hf_repo": "x/y", "hf_split": "test", "samples_number": 100},
        "metric_config": {
            "metric_id": "accuracy",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": low,
            "max_score": high,
        },
        "score_details": {"score": score, **more},
    }


def _record(version: str, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema_version": version, "evaluation_id": "b/m/1", "retrieved_timestamp": "1",
        "source_metadata": {"source_name": "A board", "source_type": "documentation", "source_organization_name": "Org",
                            "evaluator_relationship": "third_party"},
        "eval_library": {"name": "lm_eval", "version": "0.4.9"},
        "model_info": {"name": "m", "id": "org/m", "additional_details": {}}, "evaluation_results": list(results), **more,
    }  # fmt: skip


def _samples(*values: float) -> str:
    return "".join(
        j({"evaluation_name": "xnli_sw", "sample_id": f"s{i}", "evaluation": {"score": v, "is_correct": v == 1}}) + "\n"
        for i, v in enumerate(values)
    )


XNLI = "contradiction neutral entailment".split()
LANGUAGES = {"xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh".split(), "pawsx": "de en es fr ja ko zh".split()}
LABELS = {"xnli": XNLI, "pawsx": ["0", "1"]}


def _submission() -> dict[str, str | bytes]:
    """Six items a language, of which the first four are right."""
    files: dict[str, str | bytes] = {}
    for task, languages in LANGUAGES.items():
        labels = LABELS[task]
        for language in languages:
            gold = [labels[i % len(labels)] for i in range(6)]
            said = [*gold[:4], *(labels[(i + 1) % len(labels)] for i in (4, 5))]
            files[f"labels/{task}/test-{language}.tsv"] = "".join(f"{x}\n" for x in gold)
            files[f"predictions/{task}/test-{language}.tsv"] = "".join(f"{x}\n" for x in said)
    return files


_EUROEVAL = (
    "<span>Task Type</span>,<span>dummy</span>,,<a href='t'>Sentiment classification</a>,<a href='t'>Named entity recognition</a>,<span>hidden</span>,\n"
    "Model,Type,Rank,<a href='https://euroeval.com/datasets/danish#angry-tweets'>angry_tweets</a>,"
    "<a href='https://euroeval.com/datasets/danish#dansk'>dansk</a>,angry_tweets_version,dansk_version\n"
    "<a href='https://hf.co/FacebookAI/xlm-roberta-large'>FacebookAI/xlm-roberta-large</a>,🔍,2.2@@2.2,39.45 ± 9.80 / 55.00 ± 1.96@@39.45,"
    "70.00 ± 1.96 / 66.00 ± 1.96@@70.00,17.0.0@@170000,17.0.0@@170000\n"
    "\"<a href='u'>org/other (zero-shot, val)</a>\",🤔,3@@3,-1.50 ± 1.00 / 30.00 ± 2.00@@-1.5,-@@-1,16.0.0@@160000,-@@-1\n"
)


def _scandeval(dataset: str, language: str, total: dict[str, float], **more: Any) -> str:
    """A line of BenchmarkResult, src/scandeval/data_models.py of ScandEval 14.0.0 and src/euroeval/data_models.py of EuroEval 16.10.0."""
    said = {"dataset": dataset, "task": "t", "dataset_languages": [language], "model": "org/m@100B", "results": {"raw": {"test": [{}] * 10}, "total": total},
            "num_model_parameters": 7_000_000, "generative": True, "few_shot": True, "validation_split": False, "scandeval_version": "13.0.0"}  # fmt: skip
    return j({**said, **more}) + "\n"


CASES: dict[str, Case] = {
    "long": Case(
        {"a.csv": "model,intermediate,target,language,metric,value,source,seed,n,unit\n"
                  "m,none,xnli,deu,accuracy,54.8,paper,1,5010,percent\nm,mnli,xnli,zh-Hans,accuracy,55,paper,1,5010,percent\n"},
        [("m", "xnli", "de", "accuracy", 0.548), ("m", "xnli", "zh", "accuracy", 0.55)],
        {"seed": 1, "n": 5010, "source": "paper", "intermediate": {"none", "mnli"}},
    ),
    "wide": Case(
        {"a.tsv": "model\tseed\ten\tde\tsw\tavg\nm\t0\t86.5\t80.4\t-\t83.45\n"},
        [("m", "xquad", "en", "f1", 0.865), ("m", "xquad", "de", "f1", 0.804), ("m", "xquad", "mul", "f1", 0.8345)],
        {"seed": 0, "language_set": {None, "de en"}},
        settings={"target": "xquad", "intermediate": "none", "source": "a paper"},
    ),
    "markdown": Case(
        {"README.md": "# Results\n\n| Model | [XNLI](u) | XQuAD (EM / F1) | NER |\n|---|:--:|---|--:|\n| | acc. | | F1 |\n| **XLM-R**\u2020 | 79.2 | 60.8 / **76.6** | - |\n"
                      "| mT5-Small | 67.5 | - | 50.5 |\n\ntext | no table\n"},
        [("XLM-R", "xnli", "mul", "accuracy", 0.792), ("XLM-R", "xquad", "mul", "exact_match", 0.608), ("XLM-R", "xquad", "mul", "f1", 0.766),
         ("mT5-Small", "xnli", "mul", "accuracy", 0.675), ("mT5-Small", "panx", "mul", "f1", 0.505)],
        {"language_set": "unknown"},
        settings={"intermediate": "none", "source": "a README"},
    ),
    "latex": Case(
        {"t.tex": "\\newcommand{\\xl}[1]{XLM-R$_{#1}$}\n\\begin{table}\n\\begin{tabular}{@{}l*{2}{c}@{}}\n\\toprule\n& \\multicolumn{2}{c}{XNLI} \\\\\n"
                  "Model & \\makecell{en\\\\} & de \\\\ \\midrule % heads\n\\xl{L} & \\textbf{89.1} & "
                  "83.9 $\\pm$ 0.4 \\\\\nA \\& B\\_c & {\\bf 89.1} & -- \\\\ \\bottomrule\n\\end{tabular}\\end{table}\n"},
        [("XLM-R_L", "xnli", "en", "accuracy", 0.891), ("XLM-R_L", "xnli", "de", "accuracy", 0.839), ("A & B_c", "xnli", "en", "accuracy", 0.891)],
        {"stderr": {None, 0.004}},
        settings={"target": "xnli", "intermediate": "none", "source": "a paper"},
    ),
    # google-research/xtreme evaluate.py, --output_file
    "xtreme-evaluate": Case(
        {"s.json": j({"all_task": 60.0, "classification": 60.0, "xnli": {"accuracy": {"de": 60.0, "sw": 50.0}, "avg_accuracy": 55.0, "avg_metric": 55.0},
                      "xquad": {"exact_match": {"de": 40.0}, "f1": {"de": 70.5}, "avg_exact_match": 40.0, "avg_f1": 70.5, "avg_metric": 55.25}})},
        [("m", "xnli", "de", "accuracy", 0.6), ("m", "xnli", "sw", "accuracy", 0.5), ("m", "xquad", "de", "exact_match", 0.4),
         ("m", "xquad", "de", "f1", 0.705)],
        settings={"model": "m"},
    ),
    "xtreme-submission": Case(
        _submission(),
        [("m", task, language, "accuracy", 4 / 6) for task in LANGUAGES for language in LANGUAGES[task]],
        {"evidence": "outcomes", "n": 6},
        start="predictions", references="labels", settings={"model": "m", "intermediate": "none"}, examples=6 * 22,
    ),
    # jiant/proj/main/components/evaluate.py: write_val_results; scales as jiant/tasks/evaluate/core.py has them
    "jiant": Case(
        {"runs/xlm-roberta-large/mnli/3/val_metrics.json": j({
            "aggregated": 0.8, "mnli": {"loss": 0.5, "metrics": {"major": 0.9, "minor": {"acc": 0.9}}},
            "xnli_de": {"loss": 0.9, "metrics": {"major": 0.72, "minor": {"acc": 0.72}}},
            "udpos_af": {"loss": 0.1, "metrics": {"major": 0.8, "minor": {"precision": 0.75, "recall": 0.85, "f1": 0.8}}},
            "mlqa_ar_de": {"loss": 0.1, "metrics": {"major": 55.0, "minor": {"exact_match": 40.0, "f1": 70.0}}},
            "xquad_el": {"loss": 0.1, "metrics": {"major": 75.0, "minor": {"exact": 70.0, "f1": 80.0, "total": 1190}}}}),
         "runs/xlm-roberta-large/mnli/3/args.json": j({"seed": 1234, "learning_rate": 1e-5}),
         "runs/xlm-roberta-large/mnli/3/val_preds.p": b"\x80\x04N.", "runs/xlm-roberta-large/mnli/3/done_file": "DONE"},
        [("xlm-roberta-large", "xnli", "de", "accuracy", 0.72), ("xlm-roberta-large", "udpos", "af", "precision", 0.75),
         ("xlm-roberta-large", "udpos", "af", "recall", 0.85), ("xlm-roberta-large", "udpos", "af", "f1", 0.8),
         ("xlm-roberta-large", "mlqa", "ar/de", "exact_match", 0.4), ("xlm-roberta-large", "mlqa", "ar/de", "f1", 0.7),
         ("xlm-roberta-large", "xquad", "el", "exact_match", 0.7), ("xlm-roberta-large", "xquad", "el", "f1", 0.8)],
        {"seed": 1234, "intermediate": "mnli", "split": {"dev", "test"}},
        start="runs", template="{model}/{intermediate}/{}",
    ),
    # EleutherAI/lm-evaluation-harness lm_eval/loggers/evaluation_tracker.py
    "lm-eval": Case(
        {"out/org__m/results_2026-01-21T03-44-18.458309.json": j({
            "results": {"xnli_sw": {"alias": "xnli_sw", "acc,none": 0.5, "acc_stderr,none": 0.25, "ppl,none": 0.2}, "hellaswag": {
                "alias": "x", "acc_norm,none": 0.4, "acc_norm_stderr,none": "N/A"}},
            "configs": {"xnli_sw": {"dataset_path": "facebook/xnli", "dataset_name": "sw"}, "hellaswag": {"dataset_name": "en"}},
            "versions": {"xnli_sw": 1.0}, "n-shot": {"xnli_sw": 0, "hellaswag": 5}, "higher_is_better": {"xnli_sw": {"acc": True, "ppl": False}},
            "n-samples": {"xnli_sw": {"original": 4, "effective": 4}, "hellaswag": {"original": 9, "effective": 9}},
            "config": {"model": "hf", "model_args": "pretrained=org/m,dtype=float32", "model_sha": "abc", "limit": None}, "lm_eval_version": "0.4.9"}),
         "out/org__m/samples_xnli_sw_2026-01-21T03-44-18.458309.jsonl": "".join(
             j({"doc_id": i, "filter": "none", "metrics": ["acc"], "doc_hash": h, "acc": v}) + "\n"
             for i, (h, v) in enumerate([("a", 1.0), ("b", 0.0), ("b", 1.0), ("c", 0.0)]))},
        [("org/m", "lm-eval/xnli", "sw", "accuracy", 0.5), ("org/m", "lm-eval/hellaswag", "en", "acc_norm", 0.4)],
        {"model_revision": "abc", "train_language": "none", "stderr": {0.25, None}, "n": {4, 9}},
        examples=4, refused=("column 'metric' is 'ppl', expected one of which more is better",),
    ),
    # embeddings-benchmark/results, mteb/results/task_result.py
    "mteb": Case(
        {"results/org__m/rev1/Tatoeba.json": _mteb_new(),
         "results/org__m/rev1/model_meta.json": j({"name": "org/m", "revision": "rev1", "n_parameters": 1000}),
         "results/org__m/rev0/PawsXPairClassification.json": j({
             "dataset_revision": "8a04", "mteb_dataset_name": "PawsXPairClassification", "mteb_version": "1.1.3",
             "test": {"evaluation_time": 4.1, "fr": {"cos_sim": {"accuracy": 0.56, "ap": 0.51}, "max": {"accuracy": 0.57, "ap": 0.52}}}}),
         "results/org__m/rev1/experiments/dim_64/XNLI.json": j({
             "task_name": "XNLI", "mteb_version": "2.1.17", "dataset_revision": "09698e",
             "scores": {"validation": [{"max_ap": float("nan"), "main_score": float("nan"), "hf_subset": "ar", "languages": ["ara-Arab"]},
                                       {"max_ap": 0.7, "main_score": 0.7, "hf_subset": "el", "languages": ["ell-Grek"]}]}})},
        [("org/m", "mteb/Tatoeba", "et/en", "f1", 0.6), ("org/m", "mteb/Tatoeba", "zh/en", "f1", 0.9), ("org/m", "mteb/Tatoeba", "kzj/en", "f1", 0.1),
         ("org/m", "mteb/Tatoeba", "dtp/en", "f1", 0.2), ("org/m", "mteb/PawsXPairClassification", "fr", "max_ap", 0.52),
         ("org/m", "mteb/XNLI", "el", "max_ap", 0.7)],
        {"intermediate": "unknown", "model_revision": {"rev0", "rev1"}, "split": {"test", "dev"}},
        refused=("column 'value' is 'NaN', expected a number",),
    ),
    # microsoft/Litmus SumEval/data/train
    "sumeval": Case(
        {"XNLI_XLMR.json": j([{"train_config": {"en": 100, "de": 0}, "eval_results": {"en": 0.8, "de": 0.7}},
                              {"train_config": {"en": 100, "de": 50}, "eval_results": {"en": 0.81, "de": 0.75}}]),
         "XNLI_XLMR.masked.json": j([{"train_config": {"en": 100}, "eval_results": {"en": "x", "de": "x"}}])},
        [("xlm-roberta-large", "xnli", "en", "accuracy", 0.8), ("xlm-roberta-large", "xnli", "de", "accuracy", 0.7),
         ("xlm-roberta-large", "xnli", "en", "accuracy", 0.81), ("xlm-roberta-large", "xnli", "de", "accuracy", 0.75)],
        {"train_language": {"en", "de+en"}},
        refused=("XNLI_XLMR.masked.json: the scores of 1 of 1 configurations are masked ('x'): refused whole",),
    ),
    # evaleval/every_eval_ever schemas 0.2 and 0.3.0
    "eee": Case(
        {"data/b/org/m/a.json": j(_record("0.3.0", _eee("xnli_sw", 75.0, 0, 100, uncertainty={"standard_error": {"value": 2.0, "method": "analytic"}}),
                                          _eee("elo_sw", 1200.0, 0, 3000))),
         "data/b/org/m/b.json": j(_record("0.2.1", _eee("xnli_sw", 0.5, 0, 1), detailed_evaluation_results={
             "format": "jsonl", "file_path": "data/b/org/m/b_samples.jsonl"}) | {"eval_library": {"name": "lm_eval", "version": "0.5"}}),
         "data/b/org/m/b_samples.jsonl": _samples(1.0, 0.0),
         "data/b/euroeval.jsonl": j(_record("0.2.1", _eee("angry-tweets", 0.4, 0, 1)) | {
             "eval_library": {"name": "euroeval", "version": "17", "additional_details": {"languages": '["da"]'}}}) + "\n"},
        [("org/m", "eee/xnli", "sw", "accuracy", 0.75), ("org/m", "eee/xnli", "sw", "accuracy", 0.5), ("org/m", "eee/angry_tweets", "da", "accuracy", 0.4)],
        {"stderr": {0.02, None}, "source": "A board", "relationship": "third party"}, examples=2,
        refused=("column 'unit' is 'a scale from 0.0 to 3000.0', expected fraction or percent",),
    ),
    # neulab/ExplainaBoard data/system_outputs/multilingual
    "explainaboard-output": Case(
        {"mt5/xnli/test-de_5000.json": j({
            "user_defined_metadata_configs": {"task_name": "text-pair-classification", "system_name": "CL-mt5", "dataset_name": "xnli", "language": "de"},
            "predictions": [{"text1": "a", "text2": "b", "true_label": "No", "predicted_label": "Yes"},
                            {"text1": "a", "text2": "c", "true_label": "Yes", "predicted_label": "Yes"}]}),
         "mt5/xquad/test-en_8000.json": j({
            "user_defined_metadata_configs": {"task_name": "question-answering-extractive", "system_name": "CL-mt5", "dataset_name": "xquad", "language": "en"},
            "predictions": [{"id": "0", "question": "q", "context": "c", "answers": {"answer_start": [-1], "text": ["the 308 points"]},
                             "predicted_answers": {"text": "308"}}]})},
        [("CL-mt5", "explainaboard/xnli", "de", "accuracy", 0.5), ("CL-mt5", "explainaboard/xquad", "en", "exact_match", 0.0),
         ("CL-mt5", "explainaboard/xquad", "en", "f1", 2 / 3)],
        {"evidence": "outcomes"}, examples=4,
    ),
    # neulab/ExplainaBoard data/reports: the three shapes of results.overall
    "explainaboard-report": Case(
        {f"r{i}.json": j({"task_name": "text-classification", "system_name": f"s{i}", "dataset_name": "sst", "metric_names": ["Accuracy"],
                          "target_language": "en", "results": {"overall": overall}})
         for i, overall in enumerate((
             [{"metric_name": "Accuracy", "value": "0.88", "confidence_score_low": "0.8", "confidence_score_up": "0.9"}],
             {"Accuracy": {"metric_name": "Accuracy", "value": 0.54}}, {"example": {"Accuracy": {"value": 0.91, "confidence_score_low": None}}}))},
        [("s0", "explainaboard/sst", "en", "accuracy", 0.88), ("s1", "explainaboard/sst", "en", "accuracy", 0.54),
         ("s2", "explainaboard/sst", "en", "accuracy", 0.91)],
    ),
    # stanford-crfm/helm: a folder of `helm-run`
    "helm": Case(
        {"runs/v1/xnli:language=sw,model=org_m/run_spec.json": j({
            "name": "xnli:language=sw,model=org_m", "scenario_spec": {"class_name": "X", "args": {"language": "sw"}},
            "adapter_spec": {"method": "multiple_choice_joint", "model": "org/m", "max_train_instances": 5, "max_eval_instances": 2, "num_train_trials": 1}}),
         "runs/v1/xnli:language=sw,model=org_m/stats.json": j([
             helm_stat("exact_match", 0.5), helm_stat("num_prompt_tokens", 350.0), helm_stat("exact_match", 0.2, perturbation={"name": "robustness"}),
             helm_stat("exact_match", 1.0, "valid")]),
         "runs/v1/xnli:language=sw,model=org_m/per_instance_stats.json": j([
             {"instance_id": f"id{i}", "train_trial_index": 0, "stats": [helm_stat("exact_match", float(i))]} for i in (0, 1)])},
        [("org/m", "helm/xnli", "sw", "exact_match", 0.5), ("org/m", "helm/xnli", "sw", "exact_match", 1.0)],
        {"split": {"test", "dev"}, "evidence": {"outcomes", "aggregate"}}, examples=2,
    ),
    # UKGovernmentBEIS/inspect_ai: logs as .json and .eval
    "inspect-ai": Case(
        {"logs/a.json": j(eval_log()), "logs/b.json": j(eval_log(limit=2, completed=2)), "logs/c.json": j(eval_log(status="error")),
         "logs/d.eval": zipped(eval_members(model="org/n")), "logs/e.eval": zipped(eval_members(model="org/z"), zstd=True)},
        [("org/m", "inspect/xcopa", "et", "accuracy", 0.75), ("org/n", "inspect/xcopa", "et", "accuracy", 0.75),
         ("org/z", "inspect/xcopa", "et", "accuracy", 0.75)],
        {"evidence": "outcomes", "n": 4, "stderr": 0.25}, examples=12,
        refused=("ran on 2 of 4 samples (limit 2)", "ended with status 'error'"),
    ),
    # huggingface/lighteval docs: saving and reading results
    "lighteval": Case(
        {"results/org/m/results_2026.json": j({
            "config_general": {"lighteval_sha": "203045a8431b", "max_samples": None, "model_name": "org/m", "model_sha": "607a"},
            "results": {"lighteval|xcopa:sw|0": {"acc": 0.5, "acc_stderr": 0.1}, "all": {"acc": 0.5, "acc_stderr": 0.1}},
            "versions": {"lighteval|xcopa:sw|0": 0}}),
         "results/org/m/results_2025.json": j({"config_general": {"model_name": "org/m", "max_samples": 10}, "results": {"x|0": {"acc": 1}}})},
        [("org/m", "lighteval/xcopa", "sw", "accuracy", 0.5)],
        {"model_revision": "607a", "stderr": 0.1}, refused=("was run with max_samples 10",),
    ),
    # https://github.com/huggingface/hub-docs modelcard.md
    "model-index": Case(
        {"card/README.md": "---\nlicense: mit\nmodel-index:\n- name: xlm-roberta-base-finetuned-panx-de\n  results:\n  - task:\n      type: token-classification\n"
                           "    dataset:\n      name: xtreme\n      type: xtreme\n      config: PAN-X.de\n      split: validation\n    metrics:\n"
                           "    - name: F1\n      type: f1\n      value: 0.86\n  - task: {type: x}\n    dataset: {name: X, type: xtreme, config: udpos.German, split: test}\n"
                           "    metrics:\n    - {type: accuracy, value: 91.5 \u00b1 0.5, verified: true}\n---\n# card\n"},
        [("xlm-roberta-base-finetuned-panx-de", "panx", "de", "f1", 0.86), ("xlm-roberta-base-finetuned-panx-de", "udpos", "de", "accuracy", 0.915)],
        {"relationship": {"first party", "third party"}, "stderr": {None, 0.005}, "split": {"dev", "test"}},
    ),
    # https://huggingface.co/docs/hub/eval-results
    "eval-results": Case(
        {"org__m/.eval_results/x.yaml": "- dataset: {id: facebook/xnli, task_id: xnli_sw, revision: abc}\n  value: 71.5\n  date: 2026-01-01\n"
                                        "  source: {name: A leaderboard, url: https://example.org}\n  verifyToken: t\n"},
        [("org/m", "hf/facebook/xnli/xnli", "sw", "score", 0.715)],
        {"source": "A leaderboard", "relationship": "third party", "dataset_revision": "abc"},
    ),
    # EuroEval/leaderboards
    "euroeval": Case(
        {"danish_nlu.csv": _EUROEVAL, "danish_nlu_simplified.csv": "model,rank\nm,1\n",
         "scandeval_benchmark_results.jsonl": _scandeval("scala-sv", "sv", {"test_mcc": 40.0, "test_mcc_se": 1.96}) +
         _scandeval("speed", "sv", {"test_speed": 900.0}) + _scandeval("squad-nl", "nl", {"test_f1": 50.0, "test_em": 40.0}, generative=False)},
        [("FacebookAI/xlm-roberta-large", "euroeval/angry_tweets", "da", "mcc", 0.3945), ("FacebookAI/xlm-roberta-large", "euroeval/angry_tweets", "da", "macro_f1", 0.55),
         ("FacebookAI/xlm-roberta-large", "euroeval/dansk", "da", "micro_f1_no_misc", 0.7), ("FacebookAI/xlm-roberta-large", "euroeval/dansk", "da", "micro_f1", 0.66),
         ("org/other", "euroeval/angry_tweets", "da", "mcc", -0.015), ("org/other", "euroeval/angry_tweets", "da", "macro_f1", 0.3), ("org/m", "euroeval/scala_sv", "sv", "mcc", 0.4),
         ("org/m", "euroeval/squad_nl", "nl", "f1", 0.5), ("org/m", "euroeval/squad_nl", "nl", "exact_match", 0.4)],
        {"train_language": {"da", "nl", "none"}, "intermediate": {"none", "unknown"}, "split": {"test", "dev"}},
    ),
}  # fmt: skip
