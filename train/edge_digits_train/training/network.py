"""A task's network with its optimizer: fresh, as the last epoch left it, and bare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_digits.errors import UsageError
from edge_digits_train.recipes import Recipe
from edge_digits_train.run import RunFolder
from edge_digits_train.training.task import Task

if TYPE_CHECKING:
    import keras


def compiled(task: Task, recipe: Recipe, steps: int) -> keras.Model:
    """A fresh network, ready to be trained in epochs of so many steps."""
    model, loss, metric = task.model()
    model.compile(optimizer(recipe, steps), loss, metrics=[metric])
    return model


def optimizer(recipe: Recipe, steps: int) -> Any:
    """Adam (Kingma and Ba 2015) at a constant rate, or AdamW (Loshchilov and Hutter 2019) with a warm-up and a cosine.

    Args:
        recipe: which, with its rates.
        steps: an epoch.
    """
    import keras

    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(recipe.learning_rate)
    warmup = max(1, round(min(recipe.warmup, recipe.epochs / 4) * steps))
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 40,
        max(1, recipe.epochs * steps - warmup),
        alpha=0.005,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)


def resumed(folder: RunFolder, task: Task) -> keras.Model:
    """The model of the last whole epoch with its optimizer, in the very state that it was left in.

    Raises:
        UsageError: it cannot be loaded.
    """
    import keras

    try:
        model: keras.Model = keras.saving.load_model(folder.last, custom_objects=task.custom_objects())
    except Exception as error:  # Keras, and what it unpacks with, raise many kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"{folder.last}: the last epoch cannot be loaded ({reason}). Begin the run anew with --force"
        ) from None
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            # Keras does not save how often it was drawn from, which is once a step.
            state = layer.seed_generator.state
            state.assign([int(state[0]), int(model.optimizer.iterations)])
    return model


def bare(model: keras.Model) -> keras.Model:
    """The network without loss and optimizer, so that plain Keras can load it."""
    import keras

    network: keras.Model = keras.Model(model.input, model.output, name=model.name)
    return network
