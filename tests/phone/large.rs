pub struct Size;
