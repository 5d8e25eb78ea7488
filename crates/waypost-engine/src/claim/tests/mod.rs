mod keeping;
mod planning;
mod rivals;
mod scene;
mod systems;
mod undoing;
