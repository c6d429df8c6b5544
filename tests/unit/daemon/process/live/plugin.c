/* A library to open and close; PLUGIN makes two of them differ. */
int plugin_value(void);
int plugin_value(void) {
  return PLUGIN;
}
