"""Hyper-parameters as data: one recipe covers both training phases and evaluation, and is part of every result's key."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from xbench.hashes import canonical_json, short_hash


class Phase(BaseModel):
    """Training of one task from one encoder.

    Attributes:
        epochs: Passes over the English training set.
        batch_size: Examples a step.
        learning_rate, head_learning_rate: Peak rates of AdamW for encoder and head.
        warmup: Share of the steps in which the rate rises linearly; afterwards it falls linearly to zero.
        weight_decay, clip, dropout: As in AdamW, the norm of the gradient, and the head.
        max_examples: Use only this many training examples, evenly spread over the set; None uses all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(3, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(3e-4, gt=0, le=1)
    head_learning_rate: float = Field(5e-3, gt=0, le=1)
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    clip: float = Field(1.0, gt=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    max_examples: int | None = Field(None, ge=1)


class Recipe(BaseModel):
    """All that training and evaluation depend on, besides data, model and seed.

    Attributes:
        frozen_layers: Embeddings and this many lower layers are not trained; their outputs are computed once for
            each text. None trains everything, embeddings included.
        max_length: Longest input in subwords; longer sentences are tagged in pieces, longer questions are cut.
        intermediate, target: The two phases.
        tasks: Differences from a phase for single tasks: {task: {field: value}}.
        retrieval_prefix: Put before each sentence in retrieval (multilingual-e5 was trained with `query: `).
        retrieval_layer: Hidden layer whose pooled vectors are compared; -1 is the last.
        retrieval_pooling: Mean over the subwords, or the first one's vector.
        retrieval_special_tokens: Whether the special tokens take part in the mean, as in XTREME's script.
        retrieval_duplicates: Mining, sentences that occur under several ids: drop (XTREME) or expand to all pairs (jiant).
        doc_stride: Questions: contexts over max_length go on in further inputs that share this many subwords with the one
            before; None cuts them.
    """

    # Fields that came later are written only where they say something new, so that older recipes keep their ids.
    LATER: ClassVar[tuple[str, ...]] = ("retrieval_pooling", "retrieval_special_tokens", "retrieval_duplicates", "doc_stride")

    model_config = ConfigDict(extra="forbid", frozen=True)

    frozen_layers: int | None = Field(8, ge=0)
    max_length: int = Field(128, ge=8, le=8192)
    intermediate: Phase = Phase()
    target: Phase = Phase()
    tasks: dict[str, dict[str, Any]] = {}
    retrieval_prefix: str = "query: "
    retrieval_layer: int = -1
    retrieval_pooling: Literal["mean", "cls"] = "mean"
    retrieval_special_tokens: bool = True
    retrieval_duplicates: Literal["drop", "expand"] = "drop"
    doc_stride: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _stride_fits(self) -> "Recipe":
        if self.doc_stride is not None and self.doc_stride >= self.max_length // 2:
            raise ValueError(f"doc_stride is {self.doc_stride}: it must be below half of max_length, which is {self.max_length}")
        return self

    @model_validator(mode="after")
    def _task_fields_exist(self) -> "Recipe":
        for task, fields in self.tasks.items():
            try:
                Phase.model_validate({**self.target.model_dump(), **fields})
            except ValueError as error:
                raise ValueError(f"tasks: {task}: {error}") from error
        return self

    def phase(self, which: Literal["intermediate", "target"], task: str) -> Phase:
        """The hyper-parameters of one phase on one task; `task@language` has those of the task unless it has its own."""
        base = self.intermediate if which == "intermediate" else self.target
        special = self.tasks.get(task, self.tasks.get(task.partition("@")[0], {}))
        return Phase.model_validate({**base.model_dump(), **special})

    @property
    def canonical(self) -> str:
        """The recipe as JSON with sorted keys."""
        return canonical_json(self._said())

    @property
    def recipe_id(self) -> str:
        """12 hex digits that stand for the recipe."""
        return short_hash(self._said(), 12)

    def _said(self) -> dict[str, Any]:
        values = self.model_dump()
        for name in self.LATER:
            if values[name] == type(self).model_fields[name].default:
                del values[name]
        return values
