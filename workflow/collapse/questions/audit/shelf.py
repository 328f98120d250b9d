"""An experiment's artifacts, each opened once, and what was found of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from collapse.artifacts import contracts, lineage, provenance
from collapse.artifacts.contracts import ALL, Contract, Record
from collapse.artifacts.lineage import ModelCard
from collapse.config.base import Settings
from collapse.errors import ContractError
from collapse.questions.audit import Finding, some, tables
from collapse.running import files

CONTRACTS = {contract.name: contract for contract in ALL}


def contract_of(name: str) -> Contract:
    """The contract that a table has by its name."""
    return CONTRACTS[Path(name).stem]


@dataclass(frozen=True)
class Read:
    """A table that keeps its contract, and what it was made from."""

    name: str
    table: pa.Table
    record: Record


@dataclass
class Shelf:
    """An experiment's artifacts and what was found of them so far. All names are paths inside its folder.

    Attributes:
        folder: The experiment's folder.
        written: SHA-256 of each file when it was written, as provenance says.
        found: SHA-256 of each file looked at.
        findings: What checks found.
    """

    folder: Path
    written: dict[str, str]
    found: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _inputs: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Shelf":
        """An experiment's, with nothing looked at yet."""
        return cls(folder, provenance.written_in(folder))

    def note(self, artifact: str, check: str, faults: Iterable[str]) -> None:
        """Keep what a check found."""
        self.findings.append(Finding(artifact, check, tuple(faults)))

    def file(self, name: str) -> bool:
        """Look for a file that should be there, and compare its bytes with those written."""
        return self._present(name, [])

    def table(self, name: str, settings: type[Settings] | None = None) -> Read | None:
        """Read a table that should be there and check it alone; None if it is missing or breaks its contract.

        Args:
            name: The table.
            settings: What it carries as its spec, where another check asks for that.
        """
        if not self._present(name, []):
            return None
        path, contract = self.folder / name, contract_of(name)
        try:
            table = contracts.read(path, contract)
            record = contracts.record_in(table.schema.metadata)
            if settings:
                settings.model_validate(record.spec)
            contract = contracts.kept_by(table, contract)
            faults = tables.contract_faults(pq.read_schema(path), table, contract)
        except ContractError as error:
            self.note(name, "contract", [_first_line(error, path)])
            return None
        except ValidationError as error:
            self.note(name, "contract", [f"another version wrote it: the settings it carries are not a {error.title}"])
            return None
        except ValueError as error:
            self.note(name, "contract", [f"what it says it was made from cannot be read ({error})"])
            return None
        self.note(name, "contract", faults)
        if faults:
            return None
        self.note(name, "key", tables.key_faults(table, contract))
        self._inputs[name] = record.inputs
        return Read(name, table, record)

    def files_of_card(self, name: str) -> bool:
        """Look for a card that should be there, and compare the files it names; whether it can be read."""
        path = self.folder / name
        try:
            faults = lineage.card_faults(path) if path.is_file() else []
        except ContractError as error:
            self._present(name, [])
            self.note(name, "contract", [_first_line(error, path)])
            return False
        return self._present(name, faults)

    def card(self, name: str) -> ModelCard | None:
        """Read a model's card that should be there, and compare the files it names."""
        if not self.files_of_card(name):
            return None
        path = self.folder / name
        try:
            card = lineage.read_card(path)
        except ContractError as error:
            self.note(name, "contract", [_first_line(error, path)])
            return None
        self.note(name, "contract", [])
        return card

    def entries(self, name: str) -> dict[str, object] | None:
        """Read a JSON file that should be there."""
        if not self._present(name, []):
            return None
        try:
            entries = files.entries(self.folder / name)
        except ValueError as error:
            self.note(name, "contract", [f"it cannot be read ({error})"])
            return None
        self.note(name, "contract", [])
        return entries

    def as_written(self, name: str) -> str | None:
        """The digest that others should have seen of a file: a damaged one is reported once, at itself."""
        if name not in self.written and name not in self.found and (self.folder / name).is_file():
            self.found[name] = lineage.sha256(self.folder / name)
        return self.written.get(name) or self.found.get(name)

    def compare_inputs(self) -> None:
        """Compare what each table was made from with what is there now."""
        for name, inputs in self._inputs.items():
            stale = [one for one, digest in sorted(inputs.items()) if self.as_written(one) not in (None, digest)]
            gone = [one for one in sorted(inputs) if self.as_written(one) is None]
            faults = [f"it was made from another {some(stale)}"] if stale else []
            self.note(name, "inputs", [*faults, f"it was made from {some(gone)}, which is gone"] if gone else faults)

    def _present(self, name: str, faults: list[str]) -> bool:
        """Note whether a file is there and is what was written; `faults` are those of the files that it names."""
        path = self.folder / name
        strange = files.no_file(path)
        self.note(name, "complete", [] if strange or path.is_file() else ["it is missing"])
        if strange:
            self.note(name, "contract", [f"it {strange}"])
        if not path.is_file():
            return False
        self.found[name] = found = lineage.sha256(path)
        written = self.written.get(name, found)
        if found != written:
            faults = [f"its SHA-256 is {found[:12]}, but {written[:12]} was written", *faults]
        if faults or name in self.written:
            self.note(name, "digest", faults)
        return True


def _first_line(error: ContractError, path: Path) -> str:
    return str(error).splitlines()[0].removeprefix(f"{path}: ").replace(str(path), path.name)
