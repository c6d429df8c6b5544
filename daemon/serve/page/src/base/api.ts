// Questions to the server that the page came from.

export class ServerError extends Error {
  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

type Parameters = Record<string, string | number | undefined>;

/** A path below the page's own folder; parameters that are empty are left out. */
export function url(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined && value !== "") query.set(key, String(value));
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

export async function ask<Answer>(path: string, parameters: Parameters, signal: AbortSignal | null = null): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url(path, parameters), { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError("pprofd does not answer.", "Is it still running?");
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ServerError(response.ok ? "pprofd's answer is damaged." : text.trim() || `pprofd answered ${response.status}.`, "");
  }
  if (!response.ok) {
    const { error, hint } = body as { error?: string; hint?: string };
    throw new ServerError(error ?? `pprofd answered ${response.status}.`, hint ?? "");
  }
  return body as Answer;
}
