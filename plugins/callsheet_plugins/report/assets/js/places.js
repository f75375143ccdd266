// Places: the link of the section that is being read is marked.
const reading = new IntersectionObserver((entries) => {
  for (const {target, isIntersecting} of entries) {
    const link = document.querySelector(`nav a[href="#${CSS.escape(target.id)}"]`);
    isIntersecting ? link?.setAttribute("aria-current", "true") : link?.removeAttribute("aria-current");
  }
}, {rootMargin: "-20% 0px -75% 0px"});

for (const section of document.querySelectorAll("main > section")) reading.observe(section);
