/* The other side of plt_calls. */
void plt_target(void);
void plt_target(void) {}
