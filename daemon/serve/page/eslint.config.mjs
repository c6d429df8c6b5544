// What `npm run lint` holds the sources to. It runs in this folder.
import js from "@eslint/js";
import typescript from "typescript-eslint";

export default typescript.config(
  js.configs.recommended,
  {
    files: ["src/**/*.ts"],
    extends: [typescript.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: process.cwd() } },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "no-restricted-properties": ["error", { property: "innerHTML" }, { property: "outerHTML" }, { property: "insertAdjacentHTML" }],
      eqeqeq: "error",
    },
  },
  { files: ["tools/**/*.mjs"], languageOptions: { globals: { Buffer: "readonly", process: "readonly" } } },
);
