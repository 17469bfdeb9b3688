"""Training and inference of sequence labelling against transformers' own Trainer: same model, data, batches, precision and threads.

    python benchmarks/training.py [--seeds 2] [--sentences 480] [--epochs 3] [--times 1] [--threads 1]

The default encoder learns gold part-of-speech tags (`xbench data fetch`) from sentences as they come, up to 100 tokens. The peer is
Trainer with the settings of transformers' token-classification example: DataCollatorForTokenClassification, which pads each batch to its
longest sentence, batches of 8 in random order, three epochs. Both use AdamW with one rate, linear warm-up and decay, clipping at 1.
Twice: everything trained, and the lower eight layers frozen (there the peer's frozen parameters have no gradient). Inference is on all
languages' test sets. Each system runs in a process of its own; seconds are those of training or predicting alone, from token ids on (of
predicting the fewest of --times), CPU seconds in brackets since machines are shared.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

FROZEN = 8


def data(sentences: int) -> tuple:
    from xbench.task import Tagged, load_task
    from xbench.tasks import gold_pos

    def chosen(found: list, wanted: int) -> list:
        usable = [s for s in found if 0 < len(s.tokens) <= 100 and set(s.upos) <= set(gold_pos.UPOS)]
        spread = [usable[i * len(usable) // wanted] for i in range(wanted)]
        return [Tagged(f"{i} {s.sentence_id}", s.sentence_id, s.tokens, s.upos) for i, s in enumerate(spread)]

    brown = gold_pos._brown()
    sets = [chosen(brown[place::3], wanted) for place, wanted in enumerate((sentences, 200, 200))]
    other = []
    for parts in gold_pos._TREEBANKS.values():
        other += chosen([s for part in parts for s in gold_pos._treebank(*part)], 200)
    return load_task("gold-pos"), sets[0], sets[1], sets[2] + other


def accuracy(task, examples: list, predictions: list[str]) -> float:
    from xbench.scorer import load_scorer
    from xbench.train import heads

    numerator, denominator = load_scorer("token-accuracy").score([heads.reference(e) for e in examples], predictions, "en")["accuracy"]
    return float(numerator.sum() / denominator.sum())


def timed(work) -> tuple[float, float, object]:
    wall, cpu = time.perf_counter(), time.process_time()
    out = work()
    return time.perf_counter() - wall, time.process_time() - cpu, out


def fastest(work, times: int) -> tuple[float, float, object]:
    return min((timed(work) for _ in range(times)), key=lambda one: one[0])


def ours(frozen: bool, seed: int, given: argparse.Namespace) -> dict:
    import torch

    from xbench.recipe import Phase
    from xbench.train import heads, loop, models, objectives
    from xbench.train.encoder import SplitEncoder
    from xbench.train.encoding import encode

    task, train, dev, test = data(given.sentences)
    model, tokenizer = models.load(models.resolve("intfloat/multilingual-e5-small"))
    encoder = SplitEncoder(model, FROZEN if frozen else None, torch.device("cpu"))
    phase = Phase(
        epochs=given.epochs, batch_size=8, learning_rate=given.rate, head_learning_rate=given.rate, warmup=0.1, weight_decay=0.01, clip=1.0
    )
    sets = [encode(tokenizer, examples, 128) for examples in (train, dev, test)]
    torch.manual_seed(seed)
    trained = loop.Trained(encoder.trunk(), heads.Head(task, encoder.hidden_size, phase.dropout))
    objective = objectives.Supervised(task, train, sets[0], trained.head)
    plan = loop.Plan("benchmark", [objective], [1.0], phase, objectives.passes([len(sets[0])], phase), seed)
    fit = timed(lambda: loop.fit(plan, encoder, trained.trunk, lambda _: None))

    def predict() -> list[str]:
        encoder._cache.clear()  # states of the frozen layers, which the next system on these texts would find
        return loop.predict(task, test, sets[2], encoder, trained, lambda _: None)

    said = fastest(predict, given.times)
    dev_said = loop.predict(task, dev, sets[1], encoder, trained, lambda _: None)
    next_ = timed(lambda: loop.predict(task, test, sets[2], encoder, trained, lambda _: None))
    return {
        "train": fit[:2], "predict": said[:2], "next": next_[:2], "dev": accuracy(task, dev, dev_said),
        "test": accuracy(task, test, said[2]),
    }  # fmt: skip


def theirs(frozen: bool, seed: int, given: argparse.Namespace) -> dict:
    import tempfile

    import torch
    from torch import nn
    from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments, set_seed
    from transformers.modeling_outputs import TokenClassifierOutput

    from xbench.train import models
    from xbench.train.encoding import encode

    task, train, dev, test = data(given.sentences)
    encoder, tokenizer = models.load(models.resolve("intfloat/multilingual-e5-small"))

    class Tagger(nn.Module):  # BertForTokenClassification, around the same encoder
        def __init__(self) -> None:
            super().__init__()
            self.bert, self.dropout, self.classifier = encoder, nn.Dropout(0.1), nn.Linear(encoder.config.hidden_size, len(task.labels))
            nn.init.normal_(self.classifier.weight, std=0.02)
            nn.init.zeros_(self.classifier.bias)

        def forward(self, input_ids, attention_mask, labels=None) -> TokenClassifierOutput:
            logits = self.classifier(self.dropout(self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state))
            loss = None if labels is None else nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
            return TokenClassifierOutput(loss=loss, logits=logits)

    set_seed(seed)
    model = Tagger()
    if frozen:
        for part in (encoder.embeddings, *encoder.encoder.layer[:FROZEN]):
            part.requires_grad_(False)
    code = {label: i for i, label in enumerate(task.labels)}

    def features(examples: list) -> list[dict]:
        rows = []
        for piece in encode(tokenizer, examples, 128):
            labels = [-100] * len(piece.ids)
            for position, word in piece.words:
                labels[position] = code[examples[piece.example].labels[word]]
            rows.append({"input_ids": list(piece.ids), "attention_mask": [1] * len(piece.ids), "labels": labels})
        return rows

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=8, per_device_eval_batch_size=8, num_train_epochs=given.epochs,
            learning_rate=given.rate, warmup_steps=0.1, weight_decay=0.01, max_grad_norm=1.0, seed=seed, use_cpu=True, report_to="none",
            save_strategy="no", logging_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        trainer = Trainer(
            model=model, args=arguments, train_dataset=features(train), data_collator=DataCollatorForTokenClassification(tokenizer)
        )
        fit = timed(trainer.train)
        encoded = features(test)
        said = fastest(lambda: trainer.predict(encoded), given.times)
        dev_said = trainer.predict(features(dev))

    def tags(output, examples: list) -> list[str]:
        found: list[list[str]] = [[] for _ in examples]
        for row, piece in enumerate(encode(tokenizer, examples, 128)):
            best = torch.tensor(output.predictions[row]).argmax(-1).tolist()
            found[piece.example] += [task.labels[best[position]] for position, _ in piece.words]
        return [" ".join(t) for t in found]

    test_said = tags(said[2], test)
    return {"train": fit[:2], "predict": said[:2], "dev": accuracy(task, dev, tags(dev_said, dev)), "test": accuracy(task, test, test_said)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sentences", type=int, default=480)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        import torch

        torch.set_num_threads(given.threads)
        who, frozen, seed = given.one.split(",")
        found = {"ours": ours, "theirs": theirs}[who](frozen == "1", int(seed), given)
        print(json.dumps({**found, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    for frozen in (0, 1):
        rows: dict[str, list[dict]] = {"ours": [], "theirs": []}
        for seed in range(given.seeds):
            for who, found in rows.items():
                command = [sys.executable, __file__, "--one", f"{who},{frozen},{seed}"]
                for name in ("sentences", "epochs", "rate", "times", "threads"):
                    command += [f"--{name}", str(getattr(given, name))]
                environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "OMP_WAIT_POLICY": "PASSIVE"}
                out = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
                if out.returncode:
                    raise SystemExit(out.stderr)
                found.append(json.loads(out.stdout.splitlines()[-1]))
        print("everything trained" if not frozen else f"lower {FROZEN} layers frozen")
        for who, label in (("theirs", "Trainer"), ("ours", "xbench")):
            best = [min(r[k][0] for r in rows[who]) for k in ("train", "predict")]
            cpu = [min(r[k][1] for r in rows[who]) for k in ("train", "predict")]
            dev = ", ".join(f"{100 * r['dev']:.1f}" for r in rows[who])
            test = ", ".join(f"{100 * r['test']:.1f}" for r in rows[who])
            peak = max(r["mib"] for r in rows[who])
            print(
                f"  {label:8} train {best[0]:6.1f} s ({cpu[0]:.1f} CPU), predict {best[1]:6.1f} s ({cpu[1]:.1f} CPU), "
                f"dev {dev}, all languages {test}, peak {peak:.0f} MiB"
            )
        if frozen:
            print(f"  xbench, the next system on the same test sets: predict {min(r['next'][0] for r in rows['ours']):.1f} s")
        ratios = [min(r[k][i] for r in rows["theirs"]) / min(r[k][i] for r in rows["ours"]) for k in ("train", "predict") for i in (0, 1)]
        print(f"  ratio    train {ratios[0]:.1f} (CPU {ratios[1]:.1f}), predict {ratios[2]:.1f} (CPU {ratios[3]:.1f})")


if __name__ == "__main__":
    main()
