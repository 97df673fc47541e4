"""Layers in moto's Lambda, unpacked once and kept for the functions that have them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from moto.awslambda import urls
from moto.awslambda.models import LambdaBackend, LayerVersion

from bench.serve.requirements import invalid
from bench.serve.services import Services


class LayerPlane(LambdaBackend):
    """Layers of one account and region."""

    services: ClassVar[Services]

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._layer_trees: dict[str, Path] = {}

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    def publish_layer_version(self, spec: dict[str, Any]) -> LayerVersion:
        """Publish a layer; its package is unpacked at once, which refuses what is none."""
        if spec.get("Content"):
            made = LayerVersion(spec, self.account_id, self.region_name)  # type: ignore[abstract]
            self.services.packages.add(made.code_bytes)
        return super().publish_layer_version(spec)

    def layer_tree(self, arn: str) -> Path:
        """A layer, unpacked; one that a function has stays usable after its deletion."""
        if arn not in self._layer_trees:
            layer = self.layers_versions_by_arn(arn)
            if layer is None:
                raise invalid(f"Layer version {arn} does not exist.")
            self.keep_layer(arn, layer.code_bytes)
        return self._layer_trees[arn]

    def keep_layer(self, arn: str, archive: bytes) -> None:
        """Keep a layer for functions that have it, whether it is deleted or not."""
        self._layer_trees[arn] = self.services.packages.add(archive)

    def layer_data(self, arns: Iterable[str]) -> list[Any]:
        """What a function's configuration has of its layers, which may have been deleted."""
        trees = {arn: self.layer_tree(arn) for arn in arns}
        sizes = {a: len(self.services.packages.archive(t.name) or b"") for a, t in trees.items()}
        return [{"Arn": arn, "CodeSize": size} for arn, size in sizes.items()]

    def layer_packages(self) -> dict[str, str]:
        """The digests of the packages of all layers that functions have or had, by ARN."""
        return {arn: tree.name for arn, tree in list(self._layer_trees.items())}
