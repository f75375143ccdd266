// Packing: figures of many lines come packed, and are JSON like all others before anybody reads them.
async function inflate(script) {
  const packed = Uint8Array.from(atob(script.textContent), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  script.textContent = await new Response(stream).text();
  script.removeAttribute("data-packed");
}

const inflateAll = () => Promise.all([...document.querySelectorAll("[data-packed]")].map(inflate));
