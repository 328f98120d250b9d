"""Decoder-only transformers: Llama from scratch in plain PyTorch, everything else through transformers.

A model's folder holds `config.json` and `model.safetensors` in the Hugging Face layout, so vLLM and transformers load
it as it is. Nothing is unpickled and no code that comes with a model is run.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from collapse.config.settings import TransformerSettings
from collapse.errors import ContractError
from collapse.families import TrainingJob, TrainingStep, weights
from collapse.families.devices import torch_device
from collapse.families.llama import MARK, Llama, block_mask, configuration, tensors
from collapse.media.text import Vocabulary, packing
from collapse.media.text.sequences import Sequences
from collapse.running.faults import pass_on
from collapse.running.files import entries

IMPORTED_LATE = {"train": ("collapse.families.training", "torch._dynamo")}
"""What a stage will import in the course of its work, making an optimizer included; a fork server imports it before."""

WEIGHTS, PREFIX = "model.safetensors", "model."

ROWS_SCORED = 16
"""Rows scored at once; more is not faster on a CPU."""


class HuggingFaceNetwork(nn.Module):
    """A transformers model behind the interface of `Llama`: packed rows in, logits out."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: Tensor, positions: Tensor, segments: Tensor) -> Tensor:
        """Logits for rows of packed documents; all arguments `(rows, length)`, see `packing.Batch`."""
        mask = block_mask(segments).to(next(self.inner.parameters()).dtype)
        output = self.inner(input_ids=inputs, position_ids=positions, attention_mask=mask, use_cache=False)
        return output.logits


@dataclass(frozen=True)
class TransformerModel:
    """A transformer with its configuration.

    Attributes:
        network: Maps `(inputs, positions, segments)` to logits.
        configuration: Contents of `config.json`.
        device: Where the weights lie.
    """

    network: nn.Module
    configuration: dict[str, object]
    device: torch.device

    @property
    def n_parameters(self) -> int:
        """Weights in all."""
        return sum(weight.numel() for weight in self.network.parameters())

    @property
    def context_length(self) -> int:
        """Most tokens the model sees at once."""
        return int(str(self.configuration.get("n_positions") or self.configuration["max_position_embeddings"]))

    def score(self, texts: Sequences, prompts: Sequences | None = None) -> np.ndarray:
        """Negative log-likelihood of each text in nats, in float32; see `families.Model.score`."""
        losses = np.zeros(len(texts))
        bos = int(str(self.configuration["bos_token_id"]))
        self.network.eval()
        for documents, batch in packing.by_length(texts, prompts, bos, ROWS_SCORED):
            losses[documents] = self._score_batch(batch, len(documents))
        return losses

    def _score_batch(self, batch: packing.Batch, n_documents: int) -> np.ndarray:
        inputs, positions, segments, targets = tensors(batch, self.device)
        with torch.no_grad():
            logits = self.network(inputs, positions, segments).float()
            losses = functional.cross_entropy(
                logits.flatten(0, 1), targets.flatten(), ignore_index=packing.IGNORED, reduction="none"
            )
        predicted = (targets != packing.IGNORED).flatten()
        owners = segments.flatten()[predicted].cpu().numpy()
        return np.bincount(owners, weights=losses[predicted].double().cpu().numpy(), minlength=n_documents)

    def continued(self, prompts: Sequences, most_tokens: int) -> Sequences:
        """The likeliest token after each prompt, and so on until a text ends: greedy decoding, in float32.

        The whole text is read again for every token: of answers this short, a cache would save little.

        Args:
            prompts: What each text goes on from; a text may have no token.
            most_tokens: A text that has not ended by then is cut there.
        """
        texts: list[np.ndarray] = [np.empty(0, dtype=np.int32)] * len(prompts)
        self.network.eval()
        for length in np.unique(prompts.lengths):  # rows of one length need no padding
            alike = np.flatnonzero(prompts.lengths == length)
            for rows in np.split(alike, np.arange(ROWS_SCORED, len(alike), ROWS_SCORED)):
                for row, text in zip(rows, self._continued(prompts.take(rows), most_tokens), strict=True):
                    texts[row] = text
        return Sequences.of(texts)

    def _continued(self, prompts: Sequences, most_tokens: int) -> list[np.ndarray]:
        """The same of prompts of one length."""
        bos, eos = (int(str(self.configuration[f"{end}_token_id"])) for end in ("bos", "eos"))
        known = torch.tensor([[bos, *prompt] for prompt in prompts], device=self.device)
        n_given = known.shape[1]
        going = torch.arange(len(known), device=self.device)
        texts: list[np.ndarray] = [np.empty(0, dtype=np.int32)] * len(known)
        with torch.no_grad():
            while len(going) and known.shape[1] < n_given + most_tokens:
                positions = torch.arange(known.shape[1], device=self.device).expand_as(known)
                logits = self.network(known, positions, torch.zeros_like(known))[:, -1]
                chosen = logits.float().argmax(dim=-1)
                known = torch.cat([known, chosen[:, None]], dim=1)
                for row, text in zip(going.tolist(), known[:, n_given:].cpu().numpy(), strict=True):
                    texts[row] = text.astype(np.int32)
                going, known = going[chosen != eos], known[chosen != eos]  # what has ended is not read again
        return texts

    def save(self, folder: Path) -> list[str]:
        """Write the model into `folder` and return the names of its files."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.network, HuggingFaceNetwork):
            self.network.inner.save_pretrained(folder)  # pyright: ignore[reportCallIssue]
        else:
            tensors = {name: tensor.cpu() for name, tensor in _as_saved(self.network).items()}
            save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.configuration, indent=2, sort_keys=True) + "\n")
        written = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
        for path in written:  # safetensors makes files that only their owner may read, whatever the umask says
            path.chmod((folder / "config.json").stat().st_mode)
        return [path.name for path in written]


def fit(job: TrainingJob) -> tuple[TransformerModel, list[TrainingStep]]:
    """Train a transformer; see `families.TrainingJob`.

    Raises:
        ConfigError: Training diverged: its loss or its weights are not finite.
        ContractError: The weights to start from are not whole.
    """
    from collapse.families.training import diverged, make_accelerator, train  # Accelerate, which only training needs

    settings = job.family.settings
    assert isinstance(settings, TransformerSettings)
    torch_device(job.family.device)
    accelerator = make_accelerator(job.family.device, settings.precision)
    torch.manual_seed(job.seed)
    network, config = _open(job.initial) if job.initial else _new(settings, job.facts.output)
    trained = _with_adapters(network, settings) if settings.tuning == "lora" else network
    log = train(trained, job, settings.context_length, accelerator)
    merged = _without_adapters(trained) if settings.tuning == "lora" else network
    if faults := weights.not_finite(merged.named_parameters()):
        raise diverged(job.training, len(log), faults[0])
    config |= {"bos_token_id": job.facts.output.bos, "eos_token_id": job.facts.output.eos}
    return TransformerModel(merged, config, accelerator.device), log


def load(folder: Path, device: str) -> TransformerModel:
    """Load a model from its folder, in float32.

    Raises:
        ContractError: Its weights are not whole; see `weights`.
    """
    place = torch.device(torch_device(device))
    network, config = _open(folder)
    return TransformerModel(network.to(place), config, place)


def _new(settings: TransformerSettings, vocabulary: Vocabulary) -> tuple[nn.Module, dict[str, object]]:
    if settings.architecture == "llama":
        config = configuration(settings, vocabulary.size, vocabulary.bos, vocabulary.eos)
        return Llama(settings, vocabulary.size), config
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=vocabulary.size,
        n_positions=settings.context_length,
        n_embd=settings.width,
        n_layer=settings.n_layers,
        n_head=settings.n_heads,
        attn_pdrop=0.0,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        bos_token_id=vocabulary.bos,
        eos_token_id=vocabulary.eos,
        architectures=["GPT2LMHeadModel"],
        dtype="float32",
    )
    config._attn_implementation = "eager"
    return HuggingFaceNetwork(GPT2LMHeadModel(config)), config.to_dict()


def refuse_damaged(folder: Path) -> None:
    """Refuse a model that another library is about to load.

    Raises:
        ContractError: Its weights are not whole; see `weights`.
    """
    config = _config(folder)
    if config.get(MARK):
        _whole_llama(folder, config)
        return
    weights.refuse(folder, weights.transformers_differences(folder))
    for path in sorted(folder.glob("*.safetensors")):
        weights.refuse(folder, weights.not_finite(weights.tensors(path)))


def _open(folder: Path) -> tuple[nn.Module, dict[str, object]]:
    config = _config(folder)
    if config.get(MARK):
        found = _whole_llama(folder, config)
        network = Llama(*_shape(config))
        network.load_state_dict({name.removeprefix(PREFIX): tensor for name, tensor in found.items()})
        return network, config
    # Eager attention takes the block-diagonal mask as it is, and at these lengths costs no more than a fused kernel.
    return HuggingFaceNetwork(weights.load_transformers(folder, folder, attn_implementation="eager")), config


def _whole_llama(folder: Path, config: dict[str, object]) -> dict[str, Tensor]:
    """The tensors of a model that was trained here."""
    found = weights.read(folder / WEIGHTS)
    try:
        settings, vocabulary_size = _shape(config)
        if settings.n_layers > len(found):
            raise ValueError(f"it has {settings.n_layers} layers, its weights {len(found)} tensors")
        with weights.shapes_only():
            wanted = _as_saved(Llama(settings, vocabulary_size))
    except (KeyError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ContractError(f"{folder}: its config.json is not that of a model ({error}).\n  {weights.AGAIN}") from None
    weights.refuse(folder, [*weights.differences(wanted, found), *weights.not_finite(found.items())])
    return found


def _as_saved(network: nn.Module) -> dict[str, Tensor]:
    """The weights under the names that `transformers.LlamaForCausalLM` gives them."""
    return {f"{PREFIX}{name}": tensor.detach() for name, tensor in network.state_dict().items()}


def _config(folder: Path) -> dict[str, object]:
    try:
        return entries(folder / "config.json")
    except (OSError, ValueError) as error:
        pass_on(error)
        raise ContractError(f"{folder}: has no config.json of a model ({error}).\n  {weights.AGAIN}") from None


def _shape(config: dict[str, Any]) -> tuple[TransformerSettings, int]:
    """Shape of a model that was trained here, and the size of its vocabulary."""
    settings = _settings(config)
    return settings, int(config["vocab_size"])


def _settings(config: dict[str, Any]) -> TransformerSettings:
    return TransformerSettings(
        base_model=None,
        revision=None,
        architecture="llama",
        n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        width=config["hidden_size"],
        context_length=config["max_position_embeddings"],
        tuning="full",
        lora_rank=1,
        precision="float32",
    )


def _with_adapters(network: nn.Module, settings: TransformerSettings) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    assert isinstance(network, HuggingFaceNetwork)
    adapters = LoraConfig(r=settings.lora_rank, lora_alpha=2 * settings.lora_rank, target_modules="all-linear")
    return HuggingFaceNetwork(get_peft_model(network.inner, adapters))  # type: ignore[arg-type]


def _without_adapters(network: nn.Module) -> nn.Module:
    assert isinstance(network, HuggingFaceNetwork)
    return HuggingFaceNetwork(network.inner.merge_and_unload())  # type: ignore[operator]
