// Runs in the page: every text whose contrast with what is behind it is less than WCAG 2.1's AA asks
// for (4.5, or 3 for large text). Disabled controls and texts on the canvas are not looked at.
export function poorContrasts() {
  const parse = (color) => {
    const numbers = color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0];
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (front, back) => front.rgb.map((value, i) => value * front.alpha + back[i] * (1 - front.alpha));
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((color, layer) => over(layer, color), [255, 255, 255]);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.closest("script, option, :disabled, .spoken, .skip")) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const [light, dark] = [luminance(over(parse(style.color), back)), luminance(back)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5)) found.push(`${contrast.toFixed(2)} “${node.textContent.trim().slice(0, 40)}” ${style.color} on ${back.map(Math.round)}`);
  }
  return found;
}

/** Runs in the page: controls that a screen reader could not name. */
export function namelessControls() {
  return [...document.querySelectorAll("a, button, input, select, [role=application], figure, section")]
    .filter((element) => element.checkVisibility())
    .filter((element) => !element.getAttribute("aria-label") && !element.textContent.trim() && !element.labels?.length && !element.title)
    .map((element) => element.outerHTML.slice(0, 120));
}

/** Runs in the page: elements that reach beyond the window's right edge, and texts over one another. */
export function overflows() {
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width + 1) found.push(`the document is ${document.documentElement.scrollWidth} wide in ${width}`);
  for (const bar of document.querySelectorAll(".toolbar, .top, .legend, .frame-line")) {
    const boxes = [...bar.children].filter((each) => each.checkVisibility() && each.textContent).map((each) => [each, each.getBoundingClientRect()]);
    for (const [a, x] of boxes)
      for (const [b, y] of boxes)
        if (a !== b && x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1)
          found.push(`${a.textContent.slice(0, 30)} lies over ${b.textContent.slice(0, 30)}`);
  }
  return found;
}
