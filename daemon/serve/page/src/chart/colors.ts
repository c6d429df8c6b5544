// Colours of lines, told apart in light and dark; each has a contrast of 3 or more on both
// backgrounds.
const kColors = ["#2f7ed8", "#d9480f", "#2b8a3e", "#9c36b5", "#b07a00", "#0c8599", "#c2255c", "#5c7cfa", "#74801a", "#868e96"];

export const mostLines = kColors.length;

export function lineColor(index: number): string {
  return kColors[index % kColors.length];
}
