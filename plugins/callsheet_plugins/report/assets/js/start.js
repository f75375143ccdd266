// Start: give behaviour to what stands below `root`, here the whole page, and later a section that was replaced.
const MOUNTS = [mountCharts];

function mount(root) {
  for (const add of MOUNTS) add(root);
}

mount(document);
