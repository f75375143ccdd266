// Start: give behaviour to what stands below `root`: the whole page, and later a section whose content was replaced.
const MOUNTS = [
  mountChoices,
  mountCharts,
  mountNumbers,
  mountTables,
  mountKinds,
  mountFolds,
  mountCompletions,
  mountAnswers,
  mountScrolling,
  mountCopying,
];

function mount(root) {
  for (const add of MOUNTS) add(root);
}

inflateAll().then(() => {
  mount(document);
  requestIdleCallback(drawFirst);
});
