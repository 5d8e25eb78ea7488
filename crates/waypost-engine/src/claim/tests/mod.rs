mod keeping;
mod planning;
mod rivals;
mod scene;
mod undoing;
