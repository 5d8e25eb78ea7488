mod any_metric;
mod keeping;
mod planning;
mod restoring;
mod rivals;
mod scene;
mod systems;
mod undoing;
