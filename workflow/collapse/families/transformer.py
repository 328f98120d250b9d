"""Decoder-only transformers: Llama from scratch in plain PyTorch, everything else through transformers.

A model's folder holds `config.json` and `model.safetensors` in the Hugging Face layout, so vLLM and transformers load
it as it is. Nothing is unpickled and no code that comes with a model is run.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from collapse import packing
from collapse.config.settings import TransformerSettings
from collapse.errors import EngineError
from collapse.families import TrainingJob, TrainingStep, Vocabulary
from collapse.families.llama import MARK, Llama, block_mask, configuration, tensors
from collapse.sequences import Sequences

IMPORTED_LATE = {"train": ("collapse.families.training", "torch._dynamo")}
"""What a stage will import in the course of its work, making an optimizer included; a fork server imports it before."""

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
        lengths = texts.lengths if prompts is None else texts.lengths + prompts.lengths
        order = np.argsort(-lengths, kind="stable")
        row_length = int(lengths.max(initial=1))
        sorted_prompts = prompts.take(order) if prompts is not None else None
        losses = np.zeros(len(texts))
        bos = int(str(self.configuration["bos_token_id"]))
        self.network.eval()
        for documents, batch in packing.batches(texts.take(order), sorted_prompts, bos, row_length, ROWS_SCORED):
            losses[order[documents]] = self._score_batch(batch, len(documents))
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

    def save(self, folder: Path) -> list[str]:
        """Write the model into `folder` and return the names of its files."""
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(self.network, HuggingFaceNetwork):
            self.network.inner.save_pretrained(folder)  # pyright: ignore[reportCallIssue]
        else:
            weights = {f"model.{name}": w.detach().cpu() for name, w in self.network.state_dict().items()}
            save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        (folder / "config.json").write_text(json.dumps(self.configuration, indent=2, sort_keys=True) + "\n")
        written = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".safetensors"))
        for path in written:  # safetensors makes files that only their owner may read, whatever the umask says
            path.chmod((folder / "config.json").stat().st_mode)
        return [path.name for path in written]


def fit(job: TrainingJob) -> tuple[TransformerModel, list[TrainingStep]]:
    """Train a transformer; see `families.TrainingJob`."""
    from collapse.families.training import make_accelerator, train  # Accelerate, which only training needs

    settings = job.family.settings
    assert isinstance(settings, TransformerSettings)
    torch_device(job.family.device)
    accelerator = make_accelerator(job.family.device, settings.precision)
    torch.manual_seed(job.seed)
    network, config = _open(job.initial) if job.initial else _new(settings, job.vocabulary)
    trained = _with_adapters(network, settings) if settings.tuning == "lora" else network
    log = train(trained, job, settings.context_length, accelerator)
    merged = _without_adapters(trained) if settings.tuning == "lora" else network
    config |= {"bos_token_id": job.vocabulary.bos, "eos_token_id": job.vocabulary.eos}
    return TransformerModel(merged, config, accelerator.device), log


def load(folder: Path, device: str) -> TransformerModel:
    """Load a model from its folder, in float32."""
    place = torch.device(torch_device(device))
    network, config = _open(folder)
    return TransformerModel(network.to(place), config, place)


def torch_device(device: str) -> str:
    """PyTorch's name for `cpu` or `gpu`.

    Raises:
        EngineError: A GPU is asked for and none is there.
    """
    if device == "gpu" and not torch.cuda.is_available():
        raise EngineError("device: `gpu` is asked for, but PyTorch sees none here.\n  Set `device: cpu`, or see envs/.")
    return "cuda" if device == "gpu" else "cpu"


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


def _open(folder: Path) -> tuple[nn.Module, dict[str, object]]:
    config = json.loads((folder / "config.json").read_text())
    if config.get(MARK):
        network = Llama(_settings(config), config["vocab_size"])
        weights = load_file(folder / "model.safetensors")
        network.load_state_dict({name.removeprefix("model."): weight for name, weight in weights.items()})
        return network, config
    from transformers import AutoModelForCausalLM

    # Eager attention takes the block-diagonal mask as it is, and at these lengths costs no more than a fused kernel.
    inner = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, attn_implementation="eager"
    )
    return HuggingFaceNetwork(inner), config


def _settings(config: dict[str, int]) -> TransformerSettings:
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
