// What the unit tests include precompiled belongs to a target, and a target has a source.
