"""Hyper-parameters as data: one recipe covers both training phases and evaluation, and is part of every result's key."""

import re
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xbench.hashes import canonical_json, short_hash
from xbench.keyed import PartsError

PhaseName = Literal["intermediate", "target"]
_E5 = re.compile(r"(?<![a-z0-9])e5(?![a-z0-9])")  # intfloat/multilingual-e5-small
_STRICT = ConfigDict(extra="forbid", frozen=True)


class Selection(BaseModel):
    """Which step of a training counts: the one that is best on development data. Ties keep the earlier one (jiant).

    Attributes:
        every: Steps between two looks.
        examples: Development examples a language; None takes all.
        patience: Looks without a gain after which training ends; None trains to the end.
        on: The training language's development data; or those of all test languages, which is not zero-shot, and every row says so.
        metric: What is maximised: the metric that ranks systems on the task, or the mean of the task's `selected_on` (jiant).
        subset: Whether `examples` are spread evenly over the development data, or its first ones (jiant).
    """

    LATER: ClassVar[tuple[str, ...]] = ("metric", "subset")

    model_config = _STRICT

    every: int = Field(1000, ge=1)
    examples: int | None = Field(500, ge=1)
    patience: int | None = Field(30, ge=1)
    on: Literal["train-language", "target-languages"] = "train-language"
    metric: Literal["ranking", "mean"] = "ranking"
    subset: Literal["spread", "first"] = "spread"


class Lora(BaseModel):
    """Low-rank adaptation (Hu et al. 2022) through peft: only the adapters and the head are trained, then merged into the encoder.

    Attributes:
        rank, alpha, dropout: As in peft's LoraConfig.
        layers: Which layers of the encoder, counted from 0 at the bottom; None: all that are not frozen.
        modules: Which of their linear maps, by the end of their names.
    """

    model_config = _STRICT

    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    layers: tuple[int, ...] | None = None
    modules: tuple[str, ...] = Field(("query", "value"), min_length=1)


class Phase(BaseModel):
    """Training of one task from one encoder.

    Attributes:
        epochs: Passes over the English training set.
        batch_size: Examples a step; how many of them go through the encoder at once is for `compute` to say.
        learning_rate, head_learning_rate: Peak rates of AdamW for encoder and head.
        warmup: Share of the steps in which the rate rises linearly; afterwards it falls linearly to zero.
        weight_decay, clip, dropout: As in AdamW, the norm of the gradient, and the head.
        max_examples: Use only this many training examples, evenly spread over the set; None uses all.
        warmup_steps: Steps of warm-up, instead of a share.
        max_length, doc_stride: Of this task, where they differ from the recipe's.
        selection: Which step counts; None: the last one.
        lora: Train low-rank adapters instead of the layers.
        alignment_layer: alignment: hidden layer whose pooled vectors are drawn together; -1 is the last.
        temperature: alignment: what cosines are divided by before the softmax.
    """

    LATER: ClassVar[tuple[str, ...]] = (
        "warmup_steps", "max_length", "doc_stride", "selection", "lora", "alignment_layer", "temperature",
    )  # fmt: skip

    model_config = _STRICT

    epochs: int = Field(3, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(3e-4, gt=0, le=1)
    head_learning_rate: float = Field(5e-3, gt=0, le=1)
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    max_examples: int | None = Field(None, ge=1)
    warmup_steps: int | None = Field(None, ge=0)
    max_length: int | None = Field(None, ge=8, le=8192)
    doc_stride: int | None = Field(None, ge=1)
    selection: Selection | None = None
    lora: Lora | None = None
    alignment_layer: int = Field(-1, ge=-1)
    temperature: float = Field(0.05, gt=0)

    def said(self) -> dict[str, Any]:
        """Its fields, but for later ones that say nothing new: so that older ids stay."""
        found = _without_defaults(self, self.LATER)
        return found | {"selection": _without_defaults(self.selection, Selection.LATER)} if self.selection else found


class Recipe(BaseModel):
    """All that training and evaluation depend on, besides data, model and seed.

    Attributes:
        frozen_layers: Embeddings and this many lower layers are not trained; their outputs are computed once for
            each text. None trains everything, embeddings included.
        max_length: Longest input in subwords; longer sentences are tagged in pieces, longer questions are cut.
        intermediate, target: The two phases.
        tasks: Differences from a phase for single tasks: {task: {field: value}}.
        retrieval_prefix: Put before each sentence in retrieval. None: `query: ` for e5 models, which were trained with it, else nothing.
        retrieval_layer: Hidden layer whose pooled vectors are compared; -1 is the last. Or {model: layer}, for models of other depths.
        retrieval_pooling: Mean over the subwords, or the first one's vector.
        retrieval_special_tokens: Whether the special tokens take part in the mean, as in XTREME's script.
        retrieval_duplicates: Mining, sentences that occur under several ids: drop (XTREME) or expand to all pairs (jiant).
        doc_stride: Questions: contexts over max_length go on in further inputs, each begun this many subwords after the one
            before; None cuts them.
        classifier: What a text's label is read off: the mean of its subwords; or the first one through a further layer with tanh, as
            RoBERTa's classification head has it; or `pooler`: before that through the encoder's own such layer, which goes on to the next
            phase with it (jiant). It is the pretrained one where the model has one, as BERT, and a new one where not, as XLM-R.
        tagging: A word is tagged at its first subword that holds a character of it; or at its first one, be it a lone mark of a word's
            begin, as jiant and XTREME do (most Chinese and Japanese words of XLM-R's vocabulary begin with one).
        precision: bfloat16 is mixed precision: matrix products in it, weights and sums in float32.
    """

    # Fields that came later are written only where they say something new, so that older recipes keep their ids.
    LATER: ClassVar[tuple[str, ...]] = (
        "retrieval_pooling", "retrieval_special_tokens", "retrieval_duplicates", "doc_stride", "classifier", "precision",
        "tagging",
    )  # fmt: skip

    model_config = _STRICT

    frozen_layers: int | None = Field(8, ge=0)
    max_length: int = Field(128, ge=8, le=8192)
    intermediate: Phase = Phase()
    target: Phase = Phase()
    tasks: dict[str, dict[str, Any]] = {}
    retrieval_prefix: str | None = None
    retrieval_layer: int | dict[str, int] = -1
    retrieval_pooling: Literal["mean", "cls"] = "mean"
    retrieval_special_tokens: bool = True
    retrieval_duplicates: Literal["drop", "expand"] = "drop"
    doc_stride: int | None = Field(None, ge=1)
    classifier: Literal["mean", "first", "pooler"] = "mean"
    precision: Literal["float32", "bfloat16"] = "float32"
    tagging: Literal["character", "first"] = "character"

    @field_validator("tasks")
    @classmethod
    def _task_fields_are_read(cls, tasks: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found: list[dict[str, Any]] = []
        read = {}
        for task, fields in tasks.items():
            try:
                read[task] = Phase.model_validate(fields).model_dump(exclude_unset=True)
            except ValidationError as error:
                found += [{**e, "loc": (task, *e["loc"])} for e in error.errors()]
        if found:
            raise PartsError(found)
        return read

    @model_validator(mode="after")
    def _lengths_fit(self) -> "Recipe":
        found: list[dict[str, Any]] = []
        for name, phase in (("intermediate", self.intermediate), ("target", self.target)):
            unused = [field for field in ("max_length", "doc_stride") if getattr(phase, field) is not None]
            if unused:  # a text that is trained on in one length and predicted in another would be encoded twice
                said = f"{' and '.join(unused)} can be said of the whole recipe or of single tasks (tasks), not of a phase"
                found.append({"loc": (name,), "type": "value_error", "msg": said})
        for task in ("", *self.tasks):
            length, stride = self.lengths(task)
            if stride is not None and stride >= length:
                said = f"doc_stride is {stride}: it must be below max_length, which is {length}"
                found.append({"loc": ("tasks", task) if task else (), "type": "value_error", "msg": said})
        if found:
            raise PartsError(found)
        return self

    def of(self, model: str) -> "Recipe":
        """What it says for one model: its id is that of the model's runs, whatever other models a study has."""
        return self.model_copy(update={"retrieval_layer": self.layer(model), "retrieval_prefix": self.prefix(model)})

    def prefix(self, model: str) -> str:
        """What stands before each sentence that is compared."""
        if self.retrieval_prefix is not None:
            return self.retrieval_prefix
        return "query: " if _E5.search(model.rstrip("/").rpartition("/")[2].lower()) else ""

    def layer(self, model: str) -> int:
        """The hidden layer of a model whose vectors are compared.

        Raises:
            KeyError: If `retrieval_layer` names models and this is none of them.
        """
        return self.retrieval_layer if isinstance(self.retrieval_layer, int) else self.retrieval_layer[model]

    def phase(self, which: PhaseName, task: str) -> Phase:
        """The hyper-parameters of one phase on one task; `task@language` has those of the task unless it has its own."""
        base = self.intermediate if which == "intermediate" else self.target
        return Phase.model_validate({**base.model_dump(), **self._special(task)})

    def lengths(self, task: str) -> tuple[int, int | None]:
        """Longest input of a task, and the stride of its contexts: its own, or the recipe's."""
        special = self._special(task)
        return special.get("max_length") or self.max_length, special.get("doc_stride", self.doc_stride)

    def _special(self, task: str) -> dict[str, Any]:
        return self.tasks.get(task, self.tasks.get(task.partition("@")[0], {}))

    @property
    def canonical(self) -> str:
        """The recipe as JSON with sorted keys."""
        return canonical_json(self._said())

    @property
    def recipe_id(self) -> str:
        """12 hex digits that stand for the recipe."""
        return short_hash(self._said(), 12)

    def _said(self) -> dict[str, Any]:
        return {**_without_defaults(self, self.LATER), "intermediate": self.intermediate.said(), "target": self.target.said()}


class Compute(BaseModel):
    """How a study is computed, which changes its results by rounding: not part of any key.

    What is drawn in training (dropout, masked words) is drawn in another order under `micro_tokens` and `compile`, as on another device.

    Attributes:
        micro_tokens: Padded subwords that go forward and backward at once; larger batches are accumulated. None: whole batches.
        inference_tokens: The same where nothing is trained. None: what a processor's cache holds, or 32 times that on an accelerator.
        gradient_checkpointing: Keep the inputs of layers only and compute the rest twice: less memory, a third more time.
        compile: Let torch compile the layers that are trained.
    """

    model_config = _STRICT

    micro_tokens: int | None = Field(None, ge=16)
    inference_tokens: int | None = Field(None, ge=16)
    gradient_checkpointing: bool = False
    compile: bool = False


def unreachable(layer: int, layers: int, frozen: int) -> str:
    """Why a model with so many layers, of which some are frozen, gives no vectors of a hidden layer; empty where it does."""
    asked = layer in (-1, layers) or frozen <= layer <= layers  # what some models have after their last layer belongs to it
    return "" if asked else f"layer {layer} is asked for; there are {layers} layers, of which {frozen} are frozen"


def _without_defaults(model: BaseModel, names: tuple[str, ...]) -> dict[str, Any]:
    values = model.model_dump()
    for name in names:
        if values[name] == type(model).model_fields[name].default:
            del values[name]
    return values
