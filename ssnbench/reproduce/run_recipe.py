"""Run a recipe: find the images, run what is missing, draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.reproduce import curves, pictures, times
from ssnbench.reproduce.figure import RecipeResult
from ssnbench.reproduce.recipes import RECIPES, Recipe
from ssnbench.reproduce.sources import find
from ssnbench.reproduce.work import RecipeContext

ALL = "all"


@dataclass(frozen=True)
class RecipeOptions:
    """What the user asked for beside the names.

    Attributes
    ----------
    root : Path or None
        Data root.
    limit : int or None
        Only so many images for curves.
    counts : tuple of int
        Superpixels to ask for in curves instead of the recipe's, if any.
    """

    root: Path | None = None
    limit: int | None = None
    counts: tuple[int, ...] = ()


def choose_recipes(names: Sequence[str]) -> list[Recipe]:
    """Look recipes up; ``all`` stands for every one.

    Raises
    ------
    UsageError
        When there is none of a name; the error lists them.
    """
    for name in names:
        if name != ALL and name not in RECIPES:
            known = ", ".join([*RECIPES, ALL])
            raise UsageError(f"no figure of the paper is called {name!r} here; there are {known}")
    wanted = RECIPES if ALL in names else names
    return [RECIPES[name] for name in dict.fromkeys(wanted)]


def run_recipe(recipe: Recipe, options: RecipeOptions, context: RecipeContext) -> RecipeResult:
    """Make one figure or table; what is in the store already is not computed again."""
    image_sets = [find(scene, options.root) for scene in recipe.scenes]
    if recipe.drawing == "curves":
        return curves.make(
            recipe, image_sets[0], options.counts or recipe.counts, options.limit, context
        )
    if recipe.drawing == "times":
        return times.make(recipe, image_sets[0], recipe.counts[0], context)
    return pictures.make(recipe, image_sets, recipe.counts, context)
